"""Signals that ask to stop end in a sentence, never in a traceback, and those that were ignored stay ignored."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnist_cnn import signals
from mnist_cnn.signals import answered_by, first_signal, give_back, listening, take_over
from tests.support.commands import ROOT, TINY_RUN

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put handlers back, and what is known of signals, whatever a test leaves behind."""
    for name, value in (("first", None), ("owns_process", False), ("react", None)):
        monkeypatch.setattr(signals._State, name, value)
    monkeypatch.setattr(signals, "PATIENCE", 1e6)
    before = {number: signal.getsignal(number) for number in signals.STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds, as a list of one number that tests change."""
    now = [100.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which the process would have been ended at once."""
    found: list[int] = []
    monkeypatch.setattr(signals.os, "_exit", found.append)
    return found


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("one", "other"), [(TERM, INT), (INT, TERM), (INT, INT), (HUP, TERM)])
def test_signals_right_behind_the_first_belong_to_it(clock: list[float], one: int, other: int) -> None:
    noted: list[int] = []
    with listening(owns_process=True), answered_by(noted.append):
        send(one)
        send(other)
        clock[0] += 0.9
        send(other)
        assert (noted, first_signal()) == ([one], one)


def test_a_later_signal_ends_a_process_at_once_and_only_interrupts_one_that_goes_on(
    clock: list[float], left: list[int], capfd: pytest.CaptureFixture[str]
) -> None:
    for owns_process in (True, False):
        with listening(owns_process), answered_by(lambda number: None):
            send(TERM)
            clock[0] += 1.5
            with pytest.raises(KeyboardInterrupt):
                send(INT)
        assert left == [128 + TERM], "the status of the first"
        assert capfd.readouterr().err == ("\nmnist-cnn: stopped by SIGINT\n" if owns_process else "")


def test_the_first_signal_interrupts_a_command_and_its_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in signals.STOP_SIGNALS]
    with pytest.raises(KeyboardInterrupt), listening(owns_process=False):
        send(TERM)
    assert [signal.getsignal(number) for number in signals.STOP_SIGNALS] == before
    assert first_signal() is None


def test_a_run_takes_signals_over_and_gives_them_back_to_the_command(clock: list[float]) -> None:
    noted: list[int] = []
    with listening(owns_process=True):
        previous = take_over(noted.append)
        send(HUP)
        give_back(previous)
        send(INT)  # while the run ends
        assert noted == [HUP]


def test_signals_that_were_ignored_stay_ignored() -> None:
    signal.signal(HUP, signal.SIG_IGN)  # as nohup does
    with listening(owns_process=False):
        noted: list[int] = []
        previous = take_over(noted.append)
        send(HUP)
        assert noted == []
        assert HUP not in previous
    assert signal.getsignal(HUP) is signal.SIG_IGN


def test_a_process_that_goes_down_is_silent(left: list[int], capfd: pytest.CaptureFixture[str]) -> None:
    with listening(owns_process=True):
        pass
    send(INT)
    assert left == [128 + INT]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), [(TERM, INT), (INT, TERM)])
def test_two_signals_at_once_save_the_run_with_a_sentence(tmp_path: Path, one: int, other: int) -> None:
    command = [sys.executable, "-m", "mnist_cnn", "fit", *TINY_RUN, "--epochs", "1000"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        last = tmp_path / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt"
        while not last.exists() and process.poll() is None:
            pass
        process.send_signal(one)
        process.send_signal(other)
        err = process.stderr.read() if process.stderr else ""
    assert process.returncode in (128 + one, 128 + other)  # the system delivers both at once, in whichever order
    assert "the run is saved. Go on with:" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("owns", [True, False])
def test_what_has_nothing_to_save_ends_by_itself_soon(
    monkeypatch: pytest.MonkeyPatch, left: list[int], owns: bool
) -> None:
    made: list[threading.Timer] = []

    class Timer(threading.Timer):
        def start(self) -> None:
            made.append(self)

    monkeypatch.setattr(signals.threading, "Timer", Timer)
    with pytest.raises(KeyboardInterrupt), listening(owns_process=owns):
        send(HUP)
    assert len(made) == owns
    for timer in made:
        timer.interval = 0
        timer.run()
    assert left == [128 + HUP] * owns
