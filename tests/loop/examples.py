#!/usr/bin/env python3
"""The examples that the README shows: each runs to its end; a SIGTERM in the middle makes it save, stop and ask to be run
again; the next one goes on from there and ends in the state of one that was never disturbed; and a completed one has
nothing left to do. One that cannot begin says why, and ends with 1.

  examples.py FOLDER    where six_lines and complete_loop are
"""
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile

STOPPED = 75  # EX_TEMPFAIL
LAST_STEP = {"six_lines": 1000, "complete_loop": 640}


def expect(condition, what):
    if not condition:
        sys.exit(f"examples.py: {what}")


def ask(folder, query):
    with sqlite3.connect(f"file:{folder}/lastgood-store/catalog.db?mode=ro", uri=True, timeout=60) as catalog:
        rows = catalog.execute(query).fetchall()
    catalog.close()
    return rows


def head(folder):
    """Step and digest of the run's newest checkpoint."""
    return ask(folder, "SELECT step, digest FROM v_checkpoints ORDER BY id DESC LIMIT 1")[0]


def run(program, folder, status=0):
    result = subprocess.run([program], cwd=folder, capture_output=True, text=True)
    expect(result.returncode == status, f"{program.name} ended with {result.returncode}: {result.stderr}")
    return result.stdout


def has_saved(folder, step):
    catalog = folder / "lastgood-store" / "catalog.db"
    try:
        return catalog.exists() and ask(folder, f"SELECT 1 FROM v_checkpoints WHERE step >= {step}") != []
    except sqlite3.OperationalError:  # it is being made
        return False


def stop_in_the_middle(program, directory):
    """SIGTERM once it has saved step 100: the folder that it was stopped in. Tried again where it was faster."""
    for attempt in range(10):
        folder = directory / f"{program.name}-stopped-{attempt}"
        folder.mkdir()
        process = subprocess.Popen([program], cwd=folder, stdout=subprocess.DEVNULL)
        while process.poll() is None and not has_saved(folder, 100):
            pass
        process.send_signal(signal.SIGTERM)
        status = process.wait()
        expect(status in (0, STOPPED), f"after SIGTERM {program.name} ended with {status}")
        if status == STOPPED:
            return folder
    sys.exit(f"examples.py: {program.name} always ended before it could be stopped")


def refuse_to_begin(program, directory):
    folder = directory / f"{program.name}-without-a-store"
    folder.mkdir()
    (folder / "lastgood-store").write_text("a file in the way")
    result = subprocess.run([program], cwd=folder, capture_output=True, text=True)
    expect(result.returncode == 1, f"{program.name}, which cannot have a store, ended with {result.returncode}")
    expect(result.stderr.startswith(f"{program.name}: ") and "lastgood-store" in result.stderr, result.stderr)


def try_out(program, directory):
    straight = directory / f"{program.name}-straight"
    straight.mkdir()
    run(program, straight)
    stopped = stop_in_the_middle(program, directory)
    step = head(stopped)[0]
    expect(100 <= step < LAST_STEP[program.name], f"{program.name} was stopped at step {step}")
    run(program, stopped)
    for folder in (straight, stopped):
        expect(head(folder)[0] == LAST_STEP[program.name], f"{program.name} ended at {head(folder)}")
    expect(head(straight) == head(stopped), f"{program.name}, stopped at {step}, ended in another state")
    count = "SELECT count(*) FROM v_checkpoints"
    before = ask(stopped, count)
    run(program, stopped)
    expect(ask(stopped, count) == before, f"{program.name} was completed, and saved again")
    refuse_to_begin(program, directory)
    print(f"{program.name}: stopped at step {step}, run again, completed in the state of one that was not stopped")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory:
        for name in LAST_STEP:
            try_out(folder / name, pathlib.Path(directory))


if __name__ == "__main__":
    main()
