#!/usr/bin/env python3
"""The README's C++ is that of examples/quickstart.cpp, which is compiled and run here: twice, and the second time it has
nothing left to do."""
import pathlib
import re
import subprocess
import sys
import tempfile


def main():
    source, program = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    example = (source / "examples" / "quickstart.cpp").read_text()
    blocks = re.findall(r"```cpp\n(.*?)```", (source / "README.md").read_text(), re.DOTALL)
    assert blocks, "the README shows no C++"
    # The first block is the program; later ones are pieces of others.
    lines = [line.strip() for line in blocks[0].splitlines() if line.strip() and line.strip() != "..."]
    for line in lines:
        assert line in example, f"the README's line is not in examples/quickstart.cpp: {line}"
    with tempfile.TemporaryDirectory() as directory:
        outputs = [subprocess.run([program], cwd=directory, capture_output=True, text=True, check=True).stdout
                   for _ in range(2)]
    assert outputs[0] == outputs[1] and outputs[0].startswith("at step 1000, loss "), outputs
    print(outputs[0].strip())


if __name__ == "__main__":
    main()
