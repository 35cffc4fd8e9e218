#!/usr/bin/env python3
"""The README's C++ is that of the examples, which are compiled and run: quickstart here, twice, and the second time it has
nothing left to do; the others in tests/loop/examples.py."""
import pathlib
import re
import subprocess
import sys
import tempfile


# What tells the blocks of the README apart. The other ones are pieces of no example.
SHOWN = {"six_lines": "lastgood::TrainingRun run(", "quickstart": 'store.start_session("quickstart")',
         "complete_loop": "timeout_handler"}


def main():
    source, program = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    blocks = re.findall(r"```cpp\n(.*?)```", (source / "README.md").read_text(), re.DOTALL)
    for name, mark in SHOWN.items():
        example = (source / "examples" / f"{name}.cpp").read_text()
        shown = [block for block in blocks if mark in block]
        assert len(shown) == 1, f"the README shows {name}.cpp {len(shown)} times"
        for line in filter(lambda line: line and line != "...", map(str.strip, shown[0].splitlines())):
            assert line in example, f"the README's line is not in examples/{name}.cpp: {line}"
    with tempfile.TemporaryDirectory() as directory:
        outputs = [subprocess.run([program], cwd=directory, capture_output=True, text=True, check=True).stdout
                   for _ in range(2)]
        assert outputs[0] == outputs[1] and outputs[0].startswith("at step 1000, loss "), outputs
        pathlib.Path(directory, "other").mkdir()
        pathlib.Path(directory, "other", "lastgood-store").write_text("a file in the way")
        refused = subprocess.run([program], cwd=pathlib.Path(directory, "other"), capture_output=True, text=True)
        assert refused.returncode == 1 and refused.stderr.startswith("quickstart: "), refused
    print(outputs[0].strip())


if __name__ == "__main__":
    main()
