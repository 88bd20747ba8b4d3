from pathlib import Path

from mnist_cnn.arguments import requested, without


def test_a_flag_is_found_in_both_forms_and_the_last_one_counts() -> None:
    assert requested("ckpt_path", ["--ckpt_path", "a", "--lr", "1"]) == "a"
    assert requested("ckpt_path", ["--ckpt_path=a"]) == "a"
    assert requested("ckpt_path", ["--ckpt_path", "a", "--ckpt_path", "b"]) == "b"
    assert requested("ckpt_path", ["--lr", "1"]) is None


def test_without_a_flag_the_last_config_that_names_the_key_counts() -> None:
    Path("one.yaml").write_text("ckpt_path: one\ntrainer:\n  default_root_dir: here\n")
    Path("two.yaml").write_text("ckpt_path: two\n")
    arguments = ["--config", "one.yaml", "-c", "two.yaml"]
    assert requested("ckpt_path", arguments) == "two"
    assert requested("trainer.default_root_dir", arguments) == "here"
    assert requested("ckpt_path", [*arguments, "--ckpt_path", "flag"]) == "flag"
    assert requested("ckpt_path", ["--config=one.yaml"]) == "one"


def test_a_flag_is_left_out_with_its_value() -> None:
    assert without(["--a", "1", "--b", "2", "--a=3", "--c"], "--a") == ["--b", "2", "--c"]
    assert without(["--b", "--a", "--a"], "--a") == ["--b"]
