import logging
import multiprocessing
import stat
from pathlib import Path

import pandas as pd
import pytest

from bcdl.data.naming import hinted, listed, named, pseudonyms_only, quoted
from bcdl.data.privacy import Pseudonyms, key_file, open_pseudonyms, private_messages, write_links
from bcdl.data.table import ExamTable, complete_findings, complete_images
from bcdl.errors import UserError

KEY = b"k" * 32


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "bcdl"


def table() -> ExamTable:
    images = pd.DataFrame(
        {
            "patient_id": ["Anna", "Anna", "Bea"],
            "exam_id": ["Anna", "Anna", "Bea"],
            "image_id": ["Anna/1", "Anna/2", "Bea/1"],
            "path": ["Anna/1.dcm", "Anna/2.dcm", "Bea/1.dcm"],
            "age": [89, 90, 103],
        }
    )
    findings = pd.DataFrame({"image_id": ["Anna/2", "Anna/2", "Bea/1"], "finding_id": "Anna", "kind": "mass"})
    return ExamTable(
        complete_images(images), complete_findings(findings), ("benign", "malignant"), "malignant"
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_and_send(file: Path, queue: "multiprocessing.Queue[bytes]") -> None:
    queue.put(open_pseudonyms(file).key)


def test_a_key_is_made_for_the_user_alone_and_used_again(home: Path) -> None:
    first = open_pseudonyms(key_file())
    assert key_file() == home / "pseudonym.key"
    assert (mode(key_file()), mode(home)) == (0o600, 0o700)
    assert len(first.key) == 32
    assert open_pseudonyms(key_file()) == first
    assert [file.name for file in home.iterdir()] == ["pseudonym.key"]


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, open_to: int) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY)
    file.chmod(open_to)
    with pytest.raises(UserError, match="only you can read; chmod 600"):
        open_pseudonyms(file)


def test_a_key_too_short_to_be_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    file.chmod(0o600)
    with pytest.raises(UserError, match="at least 32 bytes, found 6"):
        open_pseudonyms(file)


def test_a_key_that_cannot_be_made_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"data\.pseudonym_key"):
        open_pseudonyms(tmp_path / "file" / "key")


def test_processes_that_make_the_key_at_once_agree(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    queue = spawning.Queue()
    file = tmp_path / "new" / "key"
    processes = [spawning.Process(target=open_and_send, args=(file, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    keys = {queue.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert keys == {file.read_bytes()}
    assert [each.name for each in file.parent.iterdir()] == ["key"]


def test_the_second_of_two_that_make_the_key_takes_that_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_bytes(KEY)
    file.chmod(0o600)
    seen = iter([False])  # the other process makes it between the question and the answer
    monkeypatch.setattr(Path, "is_file", lambda path: next(seen))
    assert open_pseudonyms(file).key == KEY
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


def test_names_follow_from_key_kind_and_text() -> None:
    one, other = Pseudonyms(KEY), Pseudonyms(b"l" * 32)
    assert one.name("patient", "Anna") == Pseudonyms(KEY).name("patient", "Anna")
    names = [
        one.name(kind, text) for kind in ("patient", "exam", "image", "file") for text in ("Anna", "Bea")
    ]
    assert len({*names, other.name("patient", "Anna")}) == 9
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)


def test_the_key_is_not_shown() -> None:
    assert "kkk" not in repr(Pseudonyms(KEY))
    assert "kkk" not in str(Pseudonyms(KEY))


def test_a_table_gets_names_and_its_findings_follow() -> None:
    named_table = Pseudonyms(KEY).apply(table())
    images, findings = named_table.images, named_table.findings
    assert images["patient_id"].tolist() == [
        Pseudonyms(KEY).name("patient", text) for text in ("Anna", "Anna", "Bea")
    ]
    assert images["image_id"].is_unique
    assert (images["exam_id"] != images["patient_id"]).all()
    assert findings["image_id"].tolist() == images["image_id"][[1, 1, 2]].tolist()
    assert findings["finding_id"].is_unique
    left = images.drop(columns="path").to_csv() + findings.to_csv()
    assert "Anna" not in left
    assert "Bea" not in left
    assert images.dtypes.equals(table().images.dtypes)


def test_ages_over_89_are_one_class() -> None:
    assert Pseudonyms(KEY).apply(table()).images["age"].tolist() == [89, 90, 90]


def test_links_are_for_the_user_alone_beside_the_key(tmp_path: Path) -> None:
    pseudonyms = open_pseudonyms(tmp_path / "keys" / "mine.key")
    old = tmp_path / "keys" / "links" / "store.csv"
    old.parent.mkdir()
    old.write_text("readable by all")
    old.chmod(0o644)
    assert write_links(table().images, pseudonyms, "store") == old
    links = pd.read_csv(old)
    assert mode(old) == 0o600
    assert links["image_id"].tolist() == ["Anna/1", "Anna/2", "Bea/1"]
    assert links["patient_id_pseudonym"][2] == pseudonyms.name("patient", "Bea")
    assert [file.name for file in old.parent.iterdir()] == ["store.csv"]


def test_links_that_cannot_be_written_name_the_setting(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("")
    with pytest.raises(UserError, match=r"data\.pseudonym_key"):
        write_links(table().images, Pseudonyms(KEY, tmp_path), "store")


def test_messages_of_private_data_name_pseudonyms_and_say_where_to_look(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pseudonyms = Pseudonyms(KEY, tmp_path)
    with caplog.at_level(logging.WARNING), pytest.raises(UserError), private_messages(pseudonyms, "exams"):
        raise UserError(named("file", "Anna/1.dcm"))
    file = tmp_path / "links" / "exams-messages.csv"
    assert pd.read_csv(file).to_numpy().tolist() == [
        ["file", pseudonyms.name("file", "Anna/1.dcm"), "Anna/1.dcm"]
    ]
    assert mode(file) == 0o600
    assert str(file) in caplog.text
    assert "Anna" not in caplog.text


def test_without_a_message_no_file_is_written(tmp_path: Path) -> None:
    with private_messages(Pseudonyms(KEY, tmp_path), "exams"):
        pass
    assert not list(tmp_path.iterdir())


def test_only_private_data_are_not_quoted() -> None:
    def said() -> list[str]:
        columns = ["patient_id", "Anna"]
        return [
            *(named("image", "Anna"), quoted("Anna"), hinted("patient_id", ["patient_Anna"])),
            listed(columns, {"patient_id"}),
        ]

    public = ["Anna", "'Anna'", " Did you mean 'patient_Anna'?", "patient_id, Anna"]
    with private_messages(None, "exams"):
        assert said() == public
    with pseudonyms_only(lambda kind, name: f"{kind} 1") as given:
        name, cell, *others = said()
        assert (name, *others) == ("image 1", "", "patient_id, 1 of other names")
        assert "not shown" in cell
        assert "Anna" not in cell
    assert given == {("image", "Anna"): "image 1"}
    assert said() == public
