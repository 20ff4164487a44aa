"""The interface says the same things in every language, and has a text for all that it says."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ppai.schema import DEFAULT_CRITERIA
from ppai.ui import rate
from ppai.ui.session import Screen, SkipReason
from ppai.ui.texts import LANGUAGES, TEXTS, flat, i18n, placeholders

EN = TEXTS["en"]
UI = Path(rate.__file__).parent
CALL = re.compile(r'\b(tn?)\(\s*"([a-z0-9_.]+)"')
TEMPLATE = re.compile(r"\bt\(\s*`([^`]+)`")
SERVER_KEY = re.compile(r'"((?:error|notice)\.[a-z_]+)"')
REFUSED = re.compile(r'VoteRefused\(\s*"([a-z_]+)"')


def scripts() -> dict[str, str]:
    return {name: (rate.STATIC / name).read_text(encoding="utf-8") for name in rate.SCRIPTS}


def said_by_scripts() -> set[str]:
    """The keys that the scripts write out; those that they put together are checked by name below."""
    keys: set[str] = set()
    for source in scripts().values():
        for function, key in CALL.findall(source):
            keys |= {key} if function == "t" else {f"{key}.one", f"{key}.other"}
        keys |= set(re.findall(r'"((?:keys|error)\.[a-z_]+)"', source))
    return keys


@pytest.mark.parametrize("language", LANGUAGES)
class TestEveryLanguage:
    def test_has_the_same_keys(self, language: str) -> None:
        assert set(TEXTS[language]) == set(EN)

    def test_leaves_nothing_empty(self, language: str) -> None:
        assert [key for key, text in TEXTS[language].items() if not text.strip() or text == "None"] == []

    def test_keeps_the_placeholders(self, language: str) -> None:
        texts = TEXTS[language]
        assert {key: placeholders(texts[key]) for key in texts} == {key: placeholders(EN[key]) for key in EN}

    def test_counts_in_two_forms(self, language: str) -> None:
        stems = {key.rsplit(".", 1)[0] for key in TEXTS[language] if key.endswith((".one", ".other"))}
        for stem in stems - {"skip"}:
            assert {f"{stem}.one", f"{stem}.other"} <= set(TEXTS[language])

    def test_has_no_key_twice(self, language: str) -> None:
        class Strict(yaml.SafeLoader):
            def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
                keys = [key.value for key, _ in node.value]
                assert len(set(keys)) == len(keys), keys
                return super().construct_mapping(node, deep)

        files = sorted((UI / "texts").glob(f"*{language}.yaml"))
        texts = [flat(yaml.load(path.read_text(encoding="utf-8"), Strict)) for path in files]
        assert sum(len(part) for part in texts) == len(TEXTS[language])


def test_translations_are_not_copies() -> None:
    for language in LANGUAGES[1:]:
        same = [key for key in EN if len(EN[key]) > 20 and TEXTS[language][key] == EN[key]]
        assert same == []


def test_every_key_of_the_scripts_has_a_text() -> None:
    assert said_by_scripts() - set(EN) == set()


def test_no_text_of_the_rating_page_is_left_over() -> None:
    source = "\n".join(scripts().values())
    composed = ("criterion.", "guidelines.how_", "guidelines.example_", "skip.", "error.", "notice.", "language.")
    own = flat(yaml.safe_load((UI / "texts" / "en.yaml").read_text(encoding="utf-8")))
    mine = {key for key in own if not key.startswith(composed)}
    assert {key for key in mine - said_by_scripts() if f'"{key}"' not in source} == set()


def test_every_composed_key_of_the_scripts_is_known() -> None:
    composed = {key for source in scripts().values() for key in TEMPLATE.findall(source)}
    assert composed == {
        "criterion.${question.key}.question",
        "criterion.${question.key}.label",
        "criterion.${key}.label",
        "criterion.${key}.help",
        "guidelines.how_${name}",
        "guidelines.example_${side}",
        "guidelines.example_${key}",
        "skip.${reason}",
        "${key}.${form}",
    }


def test_default_criteria_are_translated_and_the_english_is_the_schemas() -> None:
    for criterion in DEFAULT_CRITERIA:
        assert EN[f"criterion.{criterion.key}.question"] == criterion.question
        assert {f"criterion.{criterion.key}.label", f"criterion.{criterion.key}.help"} <= set(EN)


def test_every_reason_to_skip_has_a_text() -> None:
    assert {f"skip.{reason}" for reason in SkipReason} <= set(EN)


def test_every_screen_is_drawn() -> None:
    drawn = re.search(r"const SCREENS = \{(.*?)\}", scripts()["start.js"], re.DOTALL)
    assert drawn is not None
    assert set(re.findall(r"(\w+):", drawn[1])) == set(Screen)


def test_what_the_server_answers_has_a_text() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (UI.parent).rglob("*.py")]
    keys = {key for source in sources for key in SERVER_KEY.findall(source)}
    keys |= {f"error.{code}" for source in sources for code in REFUSED.findall(source)}
    assert keys - set(EN) == set()


def test_gradio_gets_all_of_it() -> None:
    assert i18n().translations_dict == TEXTS


def test_script_is_one_function_body(tmp_path: Path) -> None:
    """The parts fit together: no name is declared twice, nothing is left open."""
    names = re.findall(r"^(?:async )?(?:function|const|let) (\w+)", rate.script(), re.MULTILINE)
    assert len(set(names)) == len(names)
    whole = tmp_path / "rate.js"
    whole.write_text(f"(function (element, trigger, props, server, upload, watch) {{\n{rate.script()}\n}});")
    try:
        subprocess.run(["node", "--check", str(whole)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("node is not installed")


def test_static_files_ask_no_other_server_and_name_no_one() -> None:
    """No address is fetched; the one in a data: image is a namespace."""
    for path in sorted(rate.STATIC.iterdir()):
        if path.suffix in (".js", ".css"):
            source = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://|@import|//cdn", source), path.name


def test_html_is_filled_in_at_one_place_alone() -> None:
    uses = {name: source.count("innerHTML") for name, source in scripts().items() if "innerHTML" in source}
    assert uses == {"dom.js": 1}
