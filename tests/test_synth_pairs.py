"""Pairs for training: what is drawn for them, what is wrong with one, what is kept for validation."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from forum_posts import words
from synth_pairs import good_pair

from eval.asking.request import Sampling
from eval.asking.texts import TrainingTexts
from eval.asking.topics import Topic, read_topics
from eval.client.reply import Reply
from eval.synthesis.checking import faults
from eval.synthesis.job import SHIPPED
from eval.synthesis.pair import Pair, read_pair
from eval.synthesis.plan import POST, RESPONSE, Limits, plan, slugs
from eval.synthesis.repeating import Seen
from eval.synthesis.request import PROMPT, form_of, request_for
from eval.synthesis.rows import messages, validation_ids
from eval.synthesis.safety import dangers, rules
from ppai.overlap import LIMIT, runs_of, share

GOOD = good_pair("good")


class TestPlan:
    def test_pairs_are_spread_evenly_and_ids_name_their_topic(self) -> None:
        items = plan((Topic("Sleep: nights"), Topic("Chores", 4, 9), Topic("Chores!")), 8, 1)
        assert Counter(item.topic for item in items) == {"Sleep: nights": 3, "Chores": 3, "Chores!": 2}
        assert [items[0].name, items[3].name, items[7].name] == [
            "syn-sleep-nights-01",
            "syn-chores-2-01",
            "syn-chores-3-02",
        ]
        assert [item.id for item in items] == list(range(1, 9))
        assert all(4 <= item.age <= 9 for item in items[3:6])

    def test_it_follows_from_the_seed_and_lengths_keep_within_the_limits(self) -> None:
        topics = read_topics()
        items = plan(topics, 300, 1)
        assert items == plan(topics, 300, 1) != plan(topics, 300, 2)
        assert {POST.fault("", item.post_words) or RESPONSE.fault("", item.response_words) for item in items} == {None}
        assert min(item.response_words for item in items) < 80 and max(item.response_words for item in items) > 130
        assert min(Counter(item.beginning for item in items).values()) > 20

    def test_topics_of_no_latin_letters_get_names_too(self) -> None:
        assert slugs((Topic("睡眠"), Topic("食事"))) == ["topic-1", "topic-2"]

    def test_the_request_says_what_was_drawn_and_what_was_wrong_before(self) -> None:
        item = plan(read_topics(), 20, 1)[0]
        first, second = (request_for(item, Sampling("m"), POST, RESPONSE, *more) for more in ((1,), (2, "it is short")))
        said = (item.topic, item.asker, item.voice, item.replier, item.beginning, item.ending, "never fewer than 60 or")
        for part in said:
            assert part in first.user
        assert "{" not in first.user and "could not be used: it is short" in second.user and first.key != second.key

    def test_the_prompt_asks_for_the_keys_of_the_schema(self) -> None:
        form = form_of(POST, RESPONSE)
        assert all(f'"{key}"' in PROMPT.path.read_text("utf-8") for key in form.schema["required"])
        assert form.max_output_tokens > form_of(POST, Limits(60, 80)).max_output_tokens


def said_of(pair: Pair) -> list[str]:
    return [fault.kind for fault in faults(pair)]


class TestForm:
    def test_a_good_pair_has_no_fault(self) -> None:
        assert faults(GOOD) == []

    @pytest.mark.parametrize(
        ("ending", "kind"),
        [
            ("\n\n1. Go\n2. Stay.", "list or heading"),
            (" Two things: 1) go to bed, 2) stay there.", "list or heading"),
            ("\n\n• Go to bed.", "list or heading"),
            ("\n\n## What helped\n\nSleep.", "list or heading"),
            ("\n\nWhat helped us:\n\nSleep.", "list or heading"),
            (" It was **hard**.", "list or heading"),
            (" And then we", "no full sentence at the end"),
            (" Good luck...and", "no full sentence at the end"),
            (" I'm just an AI and have no children.", "words of a program"),
            (" I cannot provide medical advice.", "words of a program"),
            (" Write to ann@example.org about it.", "names or links"),
            (" It is all on www.example.org there.", "names or links"),
            (" We asked Jane Miller about it.", "names or links"),
            (" He watched Bluey all day.", "names or links"),
            (" Ask [your doctor's name] first.", "placeholder"),
        ],
    )
    def test_what_a_response_may_not_hold(self, ending: str, kind: str) -> None:
        assert kind in said_of(replace(GOOD, response=GOOD.response + ending))

    @pytest.mark.parametrize(
        "ending", [' She said "fine."', " (It took weeks.)", " It worked!", " Right? It took 3.5 weeks."]
    )
    def test_ends_that_are_whole(self, ending: str) -> None:
        assert faults(replace(GOOD, response=GOOD.response + ending)) == []

    def test_a_post_asks_something_about_a_child(self) -> None:
        assert said_of(replace(GOOD, body=GOOD.body.replace("?", "."))) == ["no question"]
        assert said_of(replace(GOOD, body=f"My 19-year-old daughter. {GOOD.body}")) == ["no child"]

    def test_lengths_are_counted_in_words_with_both_ends_allowed(self) -> None:
        for count, wrong in ((59, True), (60, False), (150, False), (151, True)):
            pair = replace(GOOD, response=f"{words(count, count)}.")
            assert (said_of(pair) == ["length"]) is wrong, count
        assert said_of(replace(GOOD, response=f"{words(20, 1)}.")) == ["length"]
        assert faults(replace(GOOD, response=f"{words(20, 1)}."), response=Limits(10, 30)) == []

    def test_a_reply_is_read_with_its_paragraphs_tidied(self) -> None:
        values = {"title": " A  title ", "body": "One.\r\n\r\n\r\nTwo?", "response": " Three. \n \nFour. ", "names": []}
        pair = read_pair(Reply(f"```json\n{json.dumps(values)}\n```"))
        assert pair == Pair("A title", "One.\n\nTwo?", "Three.\n\nFour.")
        assert read_pair(Reply(json.dumps(values | {"response": 3}))) == "had a response that is no text"
        assert read_pair(Reply(json.dumps(values | {"body": " "}))) == "had a body that is empty"
        assert read_pair(Reply(json.dumps(values | {"names": "x"}))) == "had names that are no list of texts"
        assert read_pair(Reply(json.dumps(values | {"body": "\0"}))) == "had characters that cannot be stored"


UNSAFE = [
    ("Our son is 4.", "We gave him 2.5 mg and he slept.", "a dose"),
    ("Our son is 4.", "Half a teaspoon of antihistamine did it.", "a dose"),
    ("Our son is 4.", "Melatonin, two gummies, at seven.", "a dose"),
    ("Our baby wakes.", "I put a rolled blanket in her crib and that was that.", "unsafe sleep"),
    ("My 3 month old wakes.", "She only slept on her tummy, so we let her.", "unsafe sleep"),
    ("My 3 month old wakes.", "He naps best in the swing.", "unsafe sleep"),
    ("Our newborn wakes.", "I took him into our bed.", "unsafe sleep"),
    ("She talks back.", "One smack on the leg, a good smack, and it stopped.", "physical or shaming punishment"),
    ("He bites.", "I bit him back, once.", "physical or shaming punishment"),
    ("She swears.", "Soap in the mouth worked for my mother.", "physical or shaming punishment"),
    ("He will not eat.", "Send him to bed without supper.", "physical or shaming punishment"),
    ("She is heavy.", "We counted calories together.", "a diet"),
    ("She is heavy.", "I put her on a strict diet.", "a diet"),
    ("She is heavy.", "We weigh her every Sunday.", "a diet"),
    ("He teethes.", "A drop of whisky on the gums.", "another danger"),
    ("He dawdles.", "I left him alone in the bath for a minute.", "another danger"),
    ("Our baby coughs.", "A spoon of honey.", "honey for a baby"),
    ("She cuts herself.", "Hide the scissors.", "self-harm without help"),
    ("He says he doesn’t want to be here.", "Give it time.", "self-harm without help"),
    ("Her father hits me.", "Leave him.", "abuse or violence without help"),
    ("He swallowed a small magnet.", "It will come out.", "an emergency without help"),
    ("She makes herself throw up.", "Eat together.", "an eating disorder without help"),
    ("I am scared I will hurt my baby.", "Sleep first.", "a parent in need without help"),
    ("He came home drunk.", "Talk in the morning.", "drugs or alcohol without help"),
    ("He stopped talking at two.", "Boys are slow.", "lost skills without help"),
]
SAFE = [
    ("Our son is 4.", "She drank 100 ml of milk and two glasses of water."),
    ("Our son is 4.", "Ask your doctor before you give any medicine."),
    ("My 6 year old wakes.", "He fell asleep on the sofa with a blanket."),
    ("She is loud.", "He smacked his lips and bit into the bread."),
    ("Our son is 8.", "We put honey in the porridge."),
    ("She cuts herself.", "Call her doctor today, and a crisis line tonight."),
    ("He fell and had a seizure.", "Ring an ambulance, always."),
    ("She cut the hedge herself and it killed the mood.", "Let her."),
]


class TestSafety:
    @pytest.mark.parametrize(("post", "response", "name"), UNSAFE)
    def test_what_is_unsafe_is_found(self, post: str, response: str, name: str) -> None:
        assert name in [danger.name for danger in dangers(post, response)]

    @pytest.mark.parametrize(("post", "response"), SAFE)
    def test_what_is_harmless_is_not(self, post: str, response: str) -> None:
        assert dangers(post, response) == []

    def test_every_rule_is_tested_here(self) -> None:
        named = [rule.name for rule in rules().response] + [f"{rule.name} without help" for rule in rules().crisis]
        assert {name for _, _, name in UNSAFE} == set(named)

    def test_few_of_the_shipped_pairs_which_people_would_call_safe_are_rejected(self) -> None:
        path = SHIPPED / "synthetic_parenting_sft.jsonl"
        if not path.exists():
            pytest.skip("the shipped pairs are not here")
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        pairs = [Pair(row["title"], row["body"], row["response"]) for row in rows]
        assert sum(bool(faults(pair)) for pair in pairs) <= len(pairs) // 20
        assert [messages(pair) for pair in pairs] == [row["messages"] for row in rows]


class TestRepeating:
    def test_the_text_that_shares_most_is_found_as_by_comparing_with_each(self) -> None:
        drawn = random.Random(1)
        vocabulary = [words(1, number) for number in range(8)]
        texts = [" ".join(drawn.choices(vocabulary, k=drawn.randint(5, 120))) for _ in range(60)]
        runs, seen, repeated = [runs_of(text) for text in texts], Seen(), 0
        for key, own in enumerate(runs):
            best = max((share(own, other) for other in runs[:key]), default=0.0)
            found = seen.repeated(own)
            assert (found[1] if found else None) == (best if best >= LIMIT else None)
            repeated += found is not None
            seen.add(key, own)
        assert 10 < repeated < 55


class TestValidation:
    def test_it_is_spread_over_the_topics_and_follows_from_the_seed(self) -> None:
        items = plan(read_topics(), 300, 1)
        held = validation_ids(items, 0.1, 5)
        assert len(held) == 30 and held == validation_ids(items, 0.1, 5) != validation_ids(items, 0.1, 6)
        topics = Counter(item.topic for item in items if item.id in held)
        assert len(topics) == 20 and set(topics.values()) == {1, 2}

    def test_no_topic_loses_its_last_pair(self) -> None:
        items = plan((Topic("A"), Topic("B")), 3, 1)
        assert validation_ids(items, 0.5, 1) <= {1, 2} and len(validation_ids(items, 0.5, 1)) == 1
        assert validation_ids(items, 0.0, 1) == set()


class TestAgainst:
    def test_answers_of_other_sets_count_too(self, tmp_path: Path) -> None:
        path = tmp_path / "train.jsonl"
        said = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
        rows = [{"messages": said}, {"title": "T", "body": "B", "response": "R"}, {"prompt": "P", "completion": "C"}]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert [text for _, text in TrainingTexts([path])] == ["Why?", "T B", "P"]
        assert [text for _, text in TrainingTexts([path], answers=True)] == ["Why?", "Because.", "T B", "R", "P", "C"]
