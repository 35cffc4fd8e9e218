#!/usr/bin/env python3
"""The trainers of all three acts show on a terminal how far they are, in one line that is gone before anything else is said;
where there is no terminal nothing of it appears. The trainers are stand-ins that tell of two steps."""
import os
import pathlib
import pty
import subprocess
import sys
import tempfile

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
STAND_IN = """#!/bin/sh
echo '{"event":"step","step":1,"loss":2.5}'
echo '{"event":"step","step":2,"loss":null}'
"""
ACTS = {"demo_trainer": "stage.Trainer(build, 'store', 'text', 2).run('resumed')",
        "recovery_trainer": "recovery_demo.HealingTrainer(build, 'store', 'text', 'spoilt').finish()",
        "session_trainer": "session_demo.SessionTrainer(build, 'store', 'text', session_demo.FAR).end(0)"}
SHOWN = {"demo_trainer": ["resumed: step 1/2, loss 2.500", "resumed: step 2/2, loss nan"],
         "recovery_trainer": ["spoilt: step 1/160, loss 2.500", "spoilt: step 2/160, loss nan"],
         "session_trainer": ["training: step 1, loss 2.500", "training: step 2, loss nan"]}


def play(build, act, stderr):
    program = f"import pathlib, recovery_demo, session_demo, stage\nbuild = pathlib.Path('{build}')\n{act}\nstage.say('done')"
    result = subprocess.run([sys.executable, "-c", program], cwd=EXAMPLES, stdout=subprocess.PIPE, stderr=stderr, check=True,
                            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert result.stdout == b"done\n", result.stdout
    return result.stderr


def main():
    with tempfile.TemporaryDirectory() as build:
        os.mkdir(f"{build}/examples")
        for name, act in ACTS.items():
            stand_in = pathlib.Path(build, "examples", name)
            stand_in.write_text(STAND_IN)
            stand_in.chmod(0o755)
            ours, theirs = pty.openpty()
            play(build, act, theirs)
            shown = os.read(ours, 1 << 16).decode()
            os.close(ours)
            os.close(theirs)
            assert shown == "".join(f"\r  {line}\x1b[K" for line in SHOWN[name]) + "\r\x1b[K", (name, shown)
            assert play(build, act, subprocess.PIPE) == b"", name
    print("all three acts show their progress on a terminal, and there alone")


if __name__ == "__main__":
    main()
