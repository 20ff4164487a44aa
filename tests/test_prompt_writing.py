"""Test posts: what is drawn for them, what is wrong with one, what repeats another, and what is kept of replies."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eval.asking.names import people, products
from eval.asking.replies import KeptReplies
from eval.asking.request import Sampling
from eval.asking.texts import TrainingTexts
from eval.asking.topics import Topic, read_topics
from eval.client.reply import Finish, Reply
from eval.prompt_writing.ages import ages_said, grown_up_children, says_age
from eval.prompt_writing.checking import Post, age_fault, faults
from eval.prompt_writing.existing import check_set
from eval.prompt_writing.plan import Item, plan
from eval.prompt_writing.reading import read_post
from eval.prompt_writing.request import FORM, PROMPT, prompt_version, request_for
from eval.prompt_writing.selection import Selection
from eval.prompt_writing.set_files import write_set
from ppai import locks
from ppai.errors import PPAIError, StudyError
from ppai.overlap import LIMIT, nearest, runs_of, share

BODY = " ".join(f"word{number}" for number in range(40)) + ". Our son is 4 years old. What would you do?"
GOOD = Post("He will not sleep", BODY, 4)
ITEM = Item(1, "Sleep", 1, 2, 4, "a father", 90)


def written(**changed: Any) -> Reply:
    values = {"title": GOOD.title, "body": GOOD.body, "child_age": 4, "names": []} | changed
    return Reply(json.dumps({key: value for key, value in values.items() if value is not None}))


class TestTopics:
    def test_the_twenty_of_the_study_are_the_default(self, published_study: Path) -> None:
        rows = (published_study / "reddit_gpt_test_samples.jsonl").read_text("utf-8").splitlines()
        assert {topic.name for topic in read_topics()} == {json.loads(row)["topic"] for row in rows}
        assert len(read_topics()) == 20

    def test_a_text_has_a_topic_a_line(self, tmp_path: Path) -> None:
        path = tmp_path / "topics.txt"
        path.write_text("Sleep: the nights\n\n  Chores \n")
        assert read_topics(path) == (Topic("Sleep: the nights"), Topic("Chores"))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("- Sleep\n- Sleep\n", "topic 2: 'Sleep' stands twice"),
            ("- {topic: Sleep, ages: [3, 18]}\n", "topic 1: ages: must be [first, last] within 0 and 17"),
            ("- {topic: Sleep, ages: [5, 3]}\n", "topic 1: ages"),
            ("- {topic: Sleep, age: 3}\n", "topic 1: age: not known"),
            ("- 7\n", "topic 1: must be a name, not 7"),
            ("topic: Sleep\n", "must be a list of topics"),
            ("- [\n", "is not YAML"),
            ("[]\n", "holds no topics"),
        ],
    )
    def test_a_wrong_entry_is_named(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "topics.yaml"
        path.write_text(text)
        with pytest.raises(StudyError, match=r"topics\.yaml") as caught:
            read_topics(path)
        assert message in str(caught.value)


class TestPlan:
    def test_it_is_the_same_for_the_same_seed_and_another_for_another(self) -> None:
        assert plan(read_topics(), 5, 1) == plan(read_topics(), 5, 1) != plan(read_topics(), 5, 2)

    def test_ids_run_from_one_and_ages_are_spread_over_the_topics_range(self) -> None:
        topics = (Topic("Sleep", 0, 9), Topic("Bed", 2, 3))
        items = plan(topics, 5, 7)
        assert [item.id for item in items] == list(range(1, 11))
        assert sorted(item.age // 2 for item in items[:5]) == [0, 1, 2, 3, 4]
        assert Counter(item.age for item in items[5:]) in ({2: 3, 3: 2}, {2: 2, 3: 3})

    def test_what_is_drawn_for_a_topic_does_not_depend_on_the_others(self) -> None:
        alone = plan((Topic("Bed"),), 5, 7)
        beside = plan((Topic("Sleep"), Topic("Bed")), 5, 7)[5:]
        assert [(item.age, item.asker, item.words) for item in alone] == [
            (item.age, item.asker, item.words) for item in beside
        ]


class TestRequest:
    def test_it_says_all_that_was_drawn_and_what_was_wrong_before(self) -> None:
        first, second = (request_for(ITEM, Sampling("m"), *more) for more in ((1,), (2, "the post has no body")))
        for said in ("Topic: Sleep", "post 1 of 2", "4 years old", "a father", "about 90 words"):
            assert said in first.user
        assert "the post has no body" in second.user and "could not be used" not in first.user
        assert "{" not in first.user

    def test_a_topic_is_not_filled_in_again(self) -> None:
        item = Item(1, "{age} {words}", 1, 1, 4, "a father", 90)
        assert "Topic: {age} {words}\n" in request_for(item, Sampling("m"), 1).user

    @pytest.mark.parametrize(
        "other", [Sampling("n"), Sampling("m", 0.8), Sampling("m", seed=1), Sampling("m", base_url="http://x")]
    )
    def test_another_sampling_or_attempt_is_another_request(self, other: Sampling) -> None:
        key = request_for(ITEM, Sampling("m"), 1).key
        assert request_for(ITEM, Sampling("m"), 1).key == key
        assert key not in (request_for(ITEM, other, 1).key, request_for(ITEM, Sampling("m"), 2).key)

    def test_the_prompt_asks_for_the_keys_of_the_schema(self) -> None:
        assert all(f'"{key}"' in PROMPT.read_text("utf-8") for key in FORM.schema["required"])
        assert prompt_version().startswith("test_prompt_v1-")


class TestAges:
    @pytest.mark.parametrize(
        ("text", "ages"),
        [
            ("My 6-year-old and her brother, 11", [6]),
            ("our three and a half year old", [3]),
            ("twins, 2y 9m", [2]),
            ("he is 20 months", [1]),
            ("She's only four.", [4]),
            ("My kids are 9 and 12", [9]),
            ("As a 35-year-old mom of a 5yo", [5]),
            ("He was up for 20 minutes at 5.30, that is 3 hours of sleep", []),
            ("It cost £4 and dinner is 6 pm", []),
        ],
    )
    def test_ages_are_found_in_their_usual_forms(self, text: str, ages: list[int]) -> None:
        assert ages_said(text) == ages

    @pytest.mark.parametrize(
        ("text", "age", "says"),
        [
            ("DS (4) has", 4, True),
            ("he is fifteen", 15, True),
            ("he is 20 months", 1, True),
            ("she is 8 months old", 0, True),
            ("our newborn", 0, True),
            ("our toddler", 1, False),
            ("he is 14", 4, False),
            ("it is 4:30", 4, False),
        ],
    )
    def test_an_age_is_said_in_figures_in_words_or_in_months(self, text: str, age: int, says: bool) -> None:
        assert says_age(text, age) is says

    @pytest.mark.parametrize(
        ("text", "ages"),
        [
            ("my 19-year-old still", [19]),
            ("our son, 20, came", [20]),
            ("my daughter is eighteen", [18]),
            ("my 35-year-old husband", []),
            ("our daughter is 20 months", []),
            ("As a 40-year-old father", []),
        ],
    )
    def test_grown_up_children_are_told_from_other_adults(self, text: str, ages: list[int]) -> None:
        assert grown_up_children(text) == ages


class TestNames:
    def test_products_and_addresses_are_found(self) -> None:
        found = products("On r/Parenting: his IPAD, two legos, see www.x.org, mail a@b.org or call 555 123 4567")
        assert found == ["IPAD", "legos", "r/Parenting", "www.x.org", "a@b.org", "555 123 4567"]
        assert products("He zooms about from 6.30 to 10 and eats an apple") == []

    def test_people_are_found_and_the_calendar_is_not(self) -> None:
        assert people("I read Janet Lansbury, and saw Dr. Ann Other") == ["Janet Lansbury", "Dr. Ann Other"]
        assert people("My Mum and I, on Christmas Eve. New York is far. I asked Grandma Rose") == []


class TestPost:
    def test_a_good_one_has_no_fault(self) -> None:
        assert faults(GOOD) == [] and age_fault(GOOD, 4) is None

    @pytest.mark.parametrize(
        ("post", "fault"),
        [
            (Post("", BODY, 4), "has no title"),
            (Post("A title", " ", 4), "has no body"),
            (Post("Short", "He is 4.", 4), "has 4 words; at least 20"),
            (Post("Long", "word " * 400, 4), "has 401 words; at most 400"),
            (Post("Old", BODY, 18), "is about a child of 18"),
            (Post("Old", BODY + " Our son, 19, left.", 4), "speaks of a child of 19"),
            (Post("Named", BODY, 4, ("Maria Example",)), "names Maria Example"),
            (Post("Named", BODY + " He loves Minecraft.", 4), "names Minecraft"),
        ],
    )
    def test_each_rule_is_kept(self, post: Post, fault: str) -> None:
        assert any(one.startswith(fault) for one in faults(post)), faults(post)

    def test_the_age_must_be_the_one_asked_for_and_stand_in_the_text(self) -> None:
        assert age_fault(GOOD, 5) == "is about a child of 4, not of 5"
        assert (
            age_fault(Post("He", BODY.replace("4 years", "a few years"), 4), 4)
            == "does not say the child's age, 4 years"
        )

    def test_exactly_four_hundred_words_are_allowed(self) -> None:
        assert faults(Post("One", "word " * 399, 4)) == []


class TestReply:
    def test_an_object_is_read_also_from_between_other_words(self) -> None:
        fenced = Reply(f"Here it is:\n```json\n{written().text}\n```\nGood luck!")
        assert read_post(fenced) == read_post(written()) == GOOD

    @pytest.mark.parametrize(
        ("reply", "fault"),
        [
            (Reply("No.", Finish.REFUSAL), "was refused"),
            (Reply("", Finish.CONTENT_FILTER), "was refused"),
            (Reply('{"title": "a', Finish.LENGTH), "was cut off at the limit of its length"),
            (Reply(" \n"), "was empty"),
            (Reply("Dear all"), "was not a JSON object"),
            (Reply('{"title": "cut'), "was not a JSON object"),
            (Reply("{" * 100_000), "was not a JSON object"),
            (written(title=None), "had no title"),
            (written(child_age=None), "had no child_age"),
            (written(child_age="4"), "had a child_age that is no whole number"),
            (written(child_age=True), "had a child_age that is no whole number"),
            (written(body=["a"]), "had a title or a body that is no text"),
            (written(names="none"), "had names that are no list of texts"),
            (written(body="a\0b"), "had characters that cannot be stored"),
        ],
    )
    def test_anything_else_says_what_it_is(self, reply: Reply, fault: str) -> None:
        assert read_post(reply) == fault


class TestOverlap:
    def test_the_share_is_of_the_shorter_texts_runs_of_three_words(self) -> None:
        long = " ".join(f"w{number}" for number in range(102))
        half = " ".join([*(f"w{number}" for number in range(32)), *(f"v{number}" for number in range(30))])
        assert (len(runs_of(long)), len(runs_of(half))) == (100, 60)
        assert share(runs_of(long), runs_of(half)) == 30 / 60
        assert share(runs_of("One two three."), runs_of("one, TWO three four")) == 1 / 30, (
            "short texts count as 30 runs"
        )

    @pytest.mark.parametrize(("replaced", "repeats"), [(0.0, True), (0.2, True), (0.6, False)])
    def test_a_copy_is_known_until_half_of_its_words_are_others(self, replaced: float, repeats: bool) -> None:
        drawn = random.Random(1)
        text = [f"w{number}" for number in range(120)]
        copy = [f"new{number}" if drawn.random() < replaced else word for number, word in enumerate(text)]
        assert (share(runs_of(" ".join(text)), runs_of(" ".join(copy))) >= LIMIT) is repeats

    def test_no_two_prompts_of_the_published_study_repeat_each_other(self, published_study: Path) -> None:
        found = check_set(published_study / "reddit_gpt_test_samples.jsonl", topics=read_topics(), per_topic=5)
        assert (found.broken, found.posts, found.topics) == ((), 100, 20)

    def test_the_nearest_of_many_texts_is_the_one_that_a_direct_comparison_finds(self) -> None:
        drawn = random.Random(3)
        texts = [" ".join(drawn.choices("abcdefgh", k=60)) for _ in range(60)]
        posts = {key: runs_of(text) for key, text in enumerate(texts[:10])}
        others = [(str(number), text) for number, text in enumerate(texts[10:])]
        found = nearest(posts, others)
        for key, runs in posts.items():
            best = max(share(runs, runs_of(text)) for _, text in others)
            first = next(where for where, text in others if share(runs, runs_of(text)) == best)
            assert (found[key].share, found[key].where) == (best, first)


class TestSelection:
    ITEMS = tuple(Item(number, "Sleep", number, 3, 4, "a father", 90) for number in (1, 2, 3))

    def test_of_two_that_are_alike_the_lower_id_is_taken_in_whatever_order_they_came(self) -> None:
        other = written(title="Another", body="Our son is 4 years old. " + " ".join(f"x{n}" for n in range(50)))
        replies = {3: other, 2: written(title="Again"), 1: written()}
        for order in (self.ITEMS, self.ITEMS[::-1]):
            selection = Selection()
            selection.decide(order, {item.id: replies[item.id] for item in order})
            assert sorted(selection.posts) == [1, 3]
            assert list(selection.complaints) == [2]
            assert selection.complaints[2].startswith('the post repeats another, "He will not sleep"')

    def test_an_earlier_round_comes_before_a_lower_id(self) -> None:
        selection = Selection()
        selection.decide(self.ITEMS[:2], {1: Reply("no"), 2: written()})
        selection.decide(self.ITEMS[:1], {1: written(title="Again")})
        assert list(selection.posts) == [2] and selection.refused == 2

    def test_the_same_title_is_a_repetition(self) -> None:
        body = "Our son is 4 years old. " + " ".join(f"x{n}" for n in range(50))
        selection = Selection()
        selection.decide(self.ITEMS[:2], {1: written(), 2: written(body=body, title="He will not SLEEP")})
        assert "has the title of another" in selection.complaints[2]

    def test_what_repeats_a_given_text_is_refused(self) -> None:
        selection = Selection()
        selection.decide(self.ITEMS[:1], {1: written()}, [("train.jsonl:7", "Before. " + GOOD.body + " After.")])
        assert not selection.posts and "repeats a text that exists already" in selection.complaints[1]


class TestTrainingTexts:
    def test_a_line_may_be_a_post_a_pair_or_messages(self, tmp_path: Path) -> None:
        path = tmp_path / "train.jsonl"
        messages = [{"role": "user", "content": "asked"}, {"role": "assistant", "content": "answered"}]
        rows = [{"text": "one"}, {"title": "two", "body": "bodies"}, {"selftext": "three"}]
        rows += [{"messages": messages}, {"prompt": messages}, {"prompt": "six"}]  # type: ignore[dict-item]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        texts = TrainingTexts([path])
        assert [text for _, text in texts] == ["one", "two bodies", "three", "asked", "asked", "six"]
        assert texts.count() == 6 and [where for where, _ in texts][3] == "train.jsonl:4"

    def test_a_line_without_a_text_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "train.jsonl"
        path.write_text('{"text": "one"}\n{"label": 1}\n')
        with pytest.raises(StudyError, match=r"train\.jsonl:2: has no text in `text`"):
            TrainingTexts([path]).count()


class TestKeptReplies:
    def test_what_was_kept_is_there_again_and_a_torn_line_is_not(self, tmp_path: Path) -> None:
        path = tmp_path / "set.partial"
        reply = Reply("half a \ud800 pair, \0 and ü", Finish.LENGTH, model="m", input_tokens=3)
        with KeptReplies(path) as kept:
            kept.keep("one", reply, 0.5)
        with path.open("a") as file:
            file.write('{"key": "two", "reply": {"te')
        with KeptReplies(path) as kept:
            assert ("one" in kept, "two" in kept) == (True, False)
            kept.keep("three", Reply("good"), None)
        again = KeptReplies(path)
        assert (again["one"], again.cost("one")) == (reply, 0.5)
        assert (again["three"].text, again.cost("three")) == ("good", None)

    def test_what_another_run_kept_before_it_was_held_counts(self, tmp_path: Path) -> None:
        first, second = (KeptReplies(tmp_path / "set.partial") for _ in range(2))
        with first:
            first.keep("one", Reply("good"), 0.5)
            with pytest.raises(PPAIError, match="another run is making this set"), second:
                pass
        with second:
            assert "one" in second and second.cost("one") == 0.5

    def test_a_file_that_is_removed_before_it_is_held_is_made_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, lock, opened = tmp_path / "set.partial", locks.lock, []

        def lock_too_late(file: Any, **how: Any) -> None:
            opened.append(file)
            if len(opened) == 1:
                path.unlink()
            lock(file, **how)

        monkeypatch.setattr(locks, "lock", lock_too_late)
        with KeptReplies(path) as kept:
            kept.keep("one", Reply("good"), None)
        assert len(opened) == 2 and "one" in KeptReplies(path)

    def test_only_a_finished_or_an_empty_file_goes(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "set.partial"
        with KeptReplies(path):
            assert path.exists()
        assert not path.parent.exists()
        with KeptReplies(path) as kept:
            kept.keep("one", Reply("good"), None)
        assert path.exists()
        with KeptReplies(path) as kept:
            kept.finish()
        assert not path.exists() and path.parent.exists()


class TestSetFiles:
    def test_a_set_that_stands_is_never_overwritten(self, tmp_path: Path) -> None:
        target = tmp_path / "test_samples.jsonl"
        write_set(target, (ITEM,), {ITEM.id: GOOD}, {})
        before = target.read_bytes()
        with pytest.raises(PPAIError, match="stands already"):
            write_set(target, (), {}, {})
        assert target.read_bytes() == before and before


class TestExistingSet:
    def row(self, key: int, **more: Any) -> dict[str, Any]:
        body = " ".join(f"x{key}y{number}" for number in range(40)) + " My son is 5."
        return {
            "id": key,
            "text": f"Title {key} - {body}",
            "title": f"Title {key}",
            "body": body,
            "topic": "Sleep",
        } | more

    def checked(self, tmp_path: Path, *rows: dict[str, Any], **options: Any) -> tuple[str, ...]:
        path = tmp_path / "test_samples.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return tuple(line.removeprefix(f"{path.name}: ") for line in check_set(path, **options).broken)

    def test_a_good_set_breaks_nothing(self, tmp_path: Path) -> None:
        assert self.checked(tmp_path, self.row(1), self.row(2)) == ()

    def test_each_broken_rule_is_a_line(self, tmp_path: Path) -> None:
        rows = [self.row(1), self.row(2, body="word " * 500), self.row(3), self.row(4, child_age=18)]
        rows[2] = self.row(3, body=rows[0]["body"], topic="Bed")
        assert self.checked(tmp_path, *rows) == (
            "post 2: has 502 words; at most 400 are allowed",
            "post 4: is about a child of 18; every child must be under 18",
            "post 3: repeats post 1 (95% of it)",
            "topic 'Bed': 1 posts of 3",
        )

    def test_topics_that_are_wanted_must_be_there(self, tmp_path: Path) -> None:
        broken = self.checked(tmp_path, self.row(1), topics=[Topic("Bed"), Topic("Sleep")], per_topic=1)
        assert broken == ("topic 'Bed': 0 posts of 1",)

    def test_what_repeats_a_given_text_is_said(self, tmp_path: Path) -> None:
        broken = self.checked(tmp_path, self.row(1), against=[("train.jsonl:3", self.row(1)["text"])])
        assert broken == ("post 1: repeats train.jsonl:3 (100% of it)",)

    def test_a_file_of_something_else_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match=r"test_samples\.jsonl:1: text: is missing"):
            self.checked(tmp_path, {"id": 1})
