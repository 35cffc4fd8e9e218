#!/usr/bin/env python3
"""Checks `lastgood export` and `lastgood import` against the safetensors package, in both directions.

What the package writes must come back from an import and an export as it was; what Lastgood writes, the package must
read; and what the one refuses as malformed, the other must refuse, too.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

COMMAND = None


def lastgood(store, *words, ok=True):
    """Runs the command; its JSON where it succeeds, else its standard error."""
    done = subprocess.run([COMMAND, "--store", store, "--json", *map(str, words)], capture_output=True, text=True)
    if ok != (done.returncode == 0):
        raise AssertionError(f"lastgood {words} exited {done.returncode}: {done.stderr}")
    return json.loads(done.stdout) if ok else done.stderr


def raw_file(header, buffer=b""):
    """A file with this header, right or wrong; a dict, or text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + buffer


def tensor(dtype="U8", shape=(4,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


MALFORMED = {
    "no header": b"",
    "a length beyond the file": struct.pack("<Q", 100) + b"{}",
    "a length beyond the cap": struct.pack("<Q", 100_000_001) + b"{}",
    "no JSON": raw_file(b"{x}"),
    "a list": raw_file(b"[]"),
    "a number in the metadata": raw_file({"__metadata__": {"a": 1}}),
    "an unknown dtype": raw_file({"w": tensor(dtype="Q4")}, b"1234"),
    "no shape": raw_file({"w": {"dtype": "U8", "data_offsets": [0, 4]}}, b"1234"),
    "a negative size": raw_file({"w": tensor(shape=(-4,))}, b"1234"),
    "another size": raw_file({"w": tensor(shape=(5,))}, b"1234"),
    "an overflow": raw_file({"w": tensor(shape=(2**32, 2**32), offsets=(0, 0))}),
    "a hole in front": raw_file({"w": tensor(offsets=(1, 5))}, b"12345"),
    "a hole": raw_file({"a": tensor(), "b": tensor(offsets=(5, 9))}, b"123456789"),
    "an overlap": raw_file({"a": tensor(), "b": tensor(offsets=(2, 6))}, b"123456"),
    "a rest": raw_file({"w": tensor()}, b"12345"),
    "a file cut short": raw_file({"w": tensor()}, b"123"),
    "offsets backwards": raw_file({"w": tensor(offsets=(4, 0))}, b"1234"),
    "two tensors of one name": raw_file(
        b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        b"12",
    ),
}


class Interchange(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.store = str(Path(self.directory.name) / "store")

    def file(self, name):
        return Path(self.directory.name) / name

    def there_and_back(self, content, *options):
        """The bytes of a file after an import and an export."""
        self.file("in.safetensors").write_bytes(content)
        checkpoint = lastgood(self.store, "import", self.file("in.safetensors"), "--run", "test")["checkpoint"]
        lastgood(self.store, "export", checkpoint["id"], self.file("out.safetensors"), "--force", *options)
        return self.file("out.safetensors").read_bytes()

    def test_arrays_of_the_package_come_back_as_they_were(self):
        import numpy
        from safetensors.numpy import load, save

        random = numpy.random.default_rng(1)
        arrays = {
            f"w.{dtype}": random.integers(0, 2, (3, 5)).astype(dtype)
            for dtype in "bool u1 i1 u2 i2 f2 u4 i4 f4 u8 i8 f8 c8".split()
        }
        arrays |= {
            "größe \"in\" 火": numpy.array(2.5, numpy.float32),
            "empty": numpy.zeros((0, 7), numpy.float16),
            "nan": numpy.array([numpy.nan, numpy.inf, -0.0], numpy.float32),
            "large": random.standard_normal((3000, 1001)),
        }
        back = load(self.there_and_back(save(arrays)))
        self.assertEqual(sorted(back), sorted(arrays))
        for name, array in arrays.items():
            self.assertEqual((back[name].dtype, back[name].shape), (array.dtype, array.shape), name)
            self.assertEqual(back[name].tobytes(), array.tobytes(), name)

    def test_dtypes_that_numpy_does_not_have_come_back(self):
        from safetensors import deserialize

        header, buffer = {}, b""
        for i, (dtype, size) in enumerate({"BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "C64": 8}.items()):
            header[dtype] = tensor(dtype, (3,), (len(buffer), len(buffer) + 3 * size))
            buffer += bytes(range(i, i + 3 * size))
        content = raw_file(header, buffer)
        self.assertEqual(
            sorted((name, t["dtype"], t["shape"], bytes(t["data"])) for name, t in deserialize(content)),
            sorted((n, t["dtype"], t["shape"], bytes(t["data"])) for n, t in deserialize(self.there_and_back(content))),
        )

    def test_an_export_of_all_sections_is_read_by_the_package(self):
        import numpy
        from safetensors import safe_open
        from safetensors.numpy import save

        content = self.there_and_back(save({"w": numpy.arange(6.0)}, {"format": "np", "tied": "w"}), "--section", "all")
        self.assertEqual(int.from_bytes(content[:8], "little") % 8, 0)
        with safe_open(self.file("out.safetensors"), "numpy") as opened:
            self.assertEqual(list(opened.keys()), ["model/w"])
            self.assertEqual(opened.get_tensor("model/w").tolist(), [0, 1, 2, 3, 4, 5])
            self.assertEqual(opened.metadata()["model/tied"], "model/w")

    def test_a_tied_tensor_is_noted_as_the_package_notes_it(self):
        import numpy
        from safetensors import safe_open
        from safetensors.numpy import save

        self.there_and_back(save({"w": numpy.arange(6)}, {"head.w": "w"}))
        with safe_open(self.file("out.safetensors"), "numpy") as opened:
            self.assertEqual(list(opened.keys()), ["w"])
            self.assertEqual(opened.metadata()["head.w"], "w")

    def test_what_the_package_refuses_as_malformed_is_refused(self):
        from safetensors import SafetensorError, deserialize

        for name, content in MALFORMED.items():
            with self.subTest(name):
                self.assertRaises(SafetensorError, deserialize, content)
                self.file("bad.safetensors").write_bytes(content)
                words = lastgood(self.store, "import", self.file("bad.safetensors"), "--run", "test", ok=False)
                self.assertIn("bad.safetensors", words)

    def test_a_pickle_is_refused_with_the_way_to_convert_it(self):
        import pickle

        self.file("model.pt").write_bytes(pickle.dumps({"w": [1, 2, 3]}, protocol=2))
        words = lastgood(self.store, "import", self.file("model.pt"), "--run", "test", ok=False)
        self.assertIn("from safetensors.torch import save_file", words)


def main():
    global COMMAND
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="an interpreter that has the packages of requirements.txt")
    parser.add_argument("--command", required=True, help="the command lastgood")
    arguments = parser.parse_args()
    if not Path(arguments.python).exists():
        sys.exit(f"{arguments.python} is missing: `./dev test` makes it, with the packages of requirements.txt")
    if Path(sys.prefix) != Path(arguments.python).parent.parent:
        os.execv(arguments.python, [arguments.python, *sys.argv])
    COMMAND = arguments.command
    unittest.main(argv=sys.argv[:1], verbosity=1)


if __name__ == "__main__":
    main()
