#!/usr/bin/env python3
"""The examples that the README shows: each runs to its end; a SIGTERM in the middle makes it save, stop and ask to be run
again; the next one goes on from there and ends in the state of one that was never disturbed; and a completed one has
nothing left to do. What fails in a step, they recover from, and run to their ends. One that cannot begin says why, and
ends with 1.

  examples.py FOLDER FAILING_LOSS    where six_lines and complete_loop are; the library that makes them fail
"""
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

STOPPED = 75  # EX_TEMPFAIL
LAST_STEP = {"six_lines": 1000, "complete_loop": 640}
FAILING_STEP = 250  # both save every 100


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


def run(program, folder, status=0, **environment):
    result = subprocess.run([program], cwd=folder, capture_output=True, text=True, env={**os.environ, **environment})
    expect(result.returncode == status, f"{program.name} ended with {result.returncode}: {result.stderr}")
    return result.stdout


def stop_in_the_middle(program, directory, failing_loss):
    """SIGTERM in the middle of a step: the folder that it was stopped in."""
    folder = directory / f"{program.name}-stopped"
    folder.mkdir()
    run(program, folder, STOPPED, LD_PRELOAD=str(failing_loss), FAILURE="sigterm", FAILING_CALL=str(FAILING_STEP))
    expect(head(folder)[0] == FAILING_STEP, f"{program.name} was stopped in step {FAILING_STEP}, and saved {head(folder)}")
    return folder


def refuse_to_begin(program, directory):
    folder = directory / f"{program.name}-without-a-store"
    folder.mkdir()
    (folder / "lastgood-store").write_text("a file in the way")
    result = subprocess.run([program], cwd=folder, capture_output=True, text=True)
    expect(result.returncode == 1, f"{program.name}, which cannot have a store, ended with {result.returncode}")
    expect(result.stderr.startswith(f"{program.name}: ") and "lastgood-store" in result.stderr, result.stderr)


def heal(program, directory, failing_loss, failure):
    """Fails in one step, and recovers: the folder, and what the catalog tells of it."""
    folder = directory / f"{program.name}-{failure}"
    folder.mkdir()
    run(program, folder, LD_PRELOAD=str(failing_loss), FAILURE=failure, FAILING_CALL=str(FAILING_STEP))
    expect(head(folder)[0] == LAST_STEP[program.name], f"{program.name}, after {failure}, ended at {head(folder)}")
    columns = "step, failure, action, outcome, resumed_step"
    recoveries = ask(folder, f"SELECT {columns} FROM v_recoveries")
    print(f"{program.name}: {recoveries}, and ran to its end")
    return folder, recoveries


def expect_one(recoveries, failure, action):
    """Back to which step depends on how fast the disk took the saves."""
    expect(len(recoveries) == 1, recoveries)
    *told, resumed = recoveries[0]
    expect(told == [FAILING_STEP, failure, action, "succeeded"] and 0 <= resumed < FAILING_STEP, recoveries)


def try_failures(program, directory, failing_loss):
    folder, recoveries = heal(program, directory, failing_loss, "nan")
    expect_one(recoveries, "nan_detected", "rollback_checkpoint")
    expect(head(folder) == head(directory / f"{program.name}-straight"),
           f"{program.name}, after a NaN, ended in another state than without")
    folder, recoveries = heal(program, directory, failing_loss, "explosion")
    expect_one(recoveries, "gradient_explosion", "reduce_lr_10x")
    alarms = ask(folder, f"SELECT kind FROM v_events WHERE step = {FAILING_STEP} AND severity = 'warning'")
    expect(("gradient_explosion",) in alarms, f"{program.name}: the alarms of step {FAILING_STEP} are {alarms}")


def try_lack_of_memory(program, directory, failing_loss):
    """Nothing is spoilt, and so nothing is done again."""
    _, recoveries = heal(program, directory, failing_loss, "memory")
    expect(len(recoveries) == 1, recoveries)
    step, failure, _, _, resumed = recoveries[0]
    expect((step, failure, resumed) == (FAILING_STEP - 1, "oom", FAILING_STEP - 1), recoveries)


def try_out(program, directory, failing_loss):
    straight = directory / f"{program.name}-straight"
    straight.mkdir()
    run(program, straight)
    stopped = stop_in_the_middle(program, directory, failing_loss)
    run(program, stopped)
    for folder in (straight, stopped):
        expect(head(folder)[0] == LAST_STEP[program.name], f"{program.name} ended at {head(folder)}")
    expect(head(straight) == head(stopped), f"{program.name}, stopped in the middle, ended in another state")
    count = "SELECT count(*) FROM v_checkpoints"
    before = ask(stopped, count)
    run(program, stopped)
    expect(ask(stopped, count) == before, f"{program.name} was completed, and saved again")
    refuse_to_begin(program, directory)
    print(f"{program.name}: stopped at step {FAILING_STEP}, run again, completed in the state of one that was not stopped")


def main():
    folder, failing_loss = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        for name in LAST_STEP:
            try_out(folder / name, directory, failing_loss)
            try_failures(folder / name, directory, failing_loss)
        try_lack_of_memory(folder / "six_lines", directory, failing_loss)


if __name__ == "__main__":
    main()
