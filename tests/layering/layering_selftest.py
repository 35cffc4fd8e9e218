#!/usr/bin/env python3
"""Shows that layering.py finds what it is there to find: one bad file at a time in a small good tree."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layering.py")
GOOD = {
    "store/include/lastgood/store.h": "// Not sqlite3's, nor torch's.\n#pragma once\n#include <string>\nvoid open();\n",
    "store/format/frame.h": "#pragma once\n#include <lastgood/store.h>\n",
    "store/format/frame.cpp": '#include "store/format/frame.h"\n#include <zstd.h>\n',
    "store/format/text.h": "#include <nlohmann/json.hpp>\n",
    "store/paths.h": '#include "store/format/frame.h"\n',
    "store/io/posix.cpp": '#include <fcntl.h>\n#include "store/format/frame.h"\nvoid f() { ::open("x", 0); ::fsync(1); }\n',
    "store/catalog/connection.h": "#include <sqlite3.h>\n",
    "store/catalog/rows.h": "#pragma once\n#include <string>\n",
    "store/catalog/rows.cpp": '#include "store/catalog/connection.h"\n#include "store/catalog/rows.h"\n',
    "store/save.cpp": '#include "store/catalog/rows.h"\nvoid g(F& files) { files.rename(1, 2); files.open("::open(x)"); }\n',
    "store/torch/adapter.cpp": "#include <torch/torch.h>\n#include <lastgood/store.h>\n#include <lastgood/torch.h>\n",
    "monitor/include/lastgood/monitor.h": "#pragma once\n#include <lastgood/store.h>\n#include <lastgood/monitor_step.h>\n",
    "monitor/monitor.cpp": "#include <lastgood/monitor.h>\n#include <nlohmann/json.hpp>\n",
    "monitor/inside.h": "#pragma once\n",
    "monitor/torch/include/lastgood/torch/measure.h": "#pragma once\n#include <lastgood/torch.h>\n",
    "monitor/torch/measure.cpp": "#include <lastgood/torch/measure.h>\n#include <lastgood/monitor.h>\n",
    "recovery/ladder.cpp": "#include <lastgood/monitor_step.h>\n",
    "cli/list.h": "#pragma once\n",
    "cli/list.cpp": '#include "cli/list.h"\n#include <lastgood/store.h>\nvoid h() { ::write(1, "", 0); }\n',
    "tests/store/save_test.cpp": '#include <fstream>\n#include <sqlite3.h>\n#include "store/catalog/rows.h"\n',
    "tests/cli/list_test.cpp": '#include "cli/list.h"\n',
}


class Layering(unittest.TestCase):
    def check(self, extra, *arguments):
        """Exit code and output for the good tree with some files put over it."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**GOOD, **extra}.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            command = [sys.executable, SCRIPT, root, *(a.replace("ROOT", root) for a in arguments)]
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            return result.returncode, result.stdout

    def refused(self, path, text, message):
        code, output = self.check({path: text})
        self.assertEqual(code, 1, output)
        self.assertRegex(output, message)
        self.assertIn(path, output)
        self.assertIn(" 1 violations", output)

    def test_a_tree_that_keeps_the_rules_passes(self):
        code, output = self.check({})
        self.assertEqual(code, 0, output)
        self.assertIn(f"{len(GOOD)} files, 0 violations", output)

    def test_an_empty_tree_does_not_pass(self):
        with tempfile.TemporaryDirectory() as root:
            result = subprocess.run([sys.executable, SCRIPT, root], capture_output=True, check=False)
            self.assertNotEqual(result.returncode, 0)

    def test_includes_between_rooms(self):
        self.refused("store/format/a.cpp", '#include "store/catalog/rows.h"\n', "store/format must not include")
        self.refused("store/io/a.cpp", '#include "store/catalog/rows.h"\n', "store/io must not include")
        self.refused("store/a.cpp", '#include "cli/list.h"\n', "store must not include cli/list.h of cli")
        self.refused("cli/a.cpp", '#include "store/catalog/rows.h"\n', "cli must not include")
        self.refused("store/a.cpp", "#include <lastgood/monitor.h>\n", "store must not include .* of public/monitor")
        self.refused("monitor/a.cpp", '#include "store/format/frame.h"\n', "monitor must not include")
        self.refused("recovery/a.cpp", '#include "monitor/inside.h"\n', "recovery must not include")
        self.refused("cli/a.cpp", "#include <lastgood/torch.h>\n", "cli must not include")
        self.refused("store/a.cpp", "#include <lastgood/torch/stateful.h>\n", "store must not include")
        self.refused("store/torch/a.cpp", '#include "store/format/frame.h"\n', "store/torch must not include")
        self.refused("store/torch/a.cpp", "#include <lastgood/torch/measure.h>\n", "of public/monitor/torch")
        self.refused("monitor/torch/a.cpp", '#include "monitor/inside.h"\n', "monitor/torch must not include")
        self.refused("examples/a.cpp", '#include "cli/list.h"\n', "examples must not include")
        self.refused("tests/store/a.cpp", '#include "cli/list.h"\n', "tests must not include")
        self.refused("bench/a.cpp", '#include "tests/a.h"\n', "bench must not include")
        self.refused("examples/a.cpp", '#include "bench/a.h"\n', "examples must not include")
        self.refused("tests/store/a.cpp", '#include "bench/a.h"\n', "tests must not include")

    def test_includes_start_at_the_repository_root(self):
        self.refused("store/format/a.cpp", '#include "frame.h"\n', "is no file of the project")

    def test_each_foreign_library_has_one_place(self):
        self.refused("store/a.cpp", "#include <sqlite3.h>\n", "belongs to store/catalog")
        self.refused("store/a.cpp", '#include "store/catalog/connection.h"\n', "includes sqlite3.h")
        self.refused("store/a.cpp", '#include "store/format/text.h"\n', "includes nlohmann/json.hpp")
        self.refused("store/io/a.cpp", "  #  include <zstd.h>\n", "belongs to store/format")
        self.refused("store/a.cpp", "#include <xxhash.h>\n", "belongs to store/format")
        self.refused("store/a.cpp", "#include <torch/torch.h>\n", "LibTorch belongs")
        self.refused("cli/a.cpp", "#include <ATen/ATen.h>\n", "LibTorch belongs")

    def test_public_headers_of_the_core_stay_clean(self):
        header = "store/include/lastgood/a.h"
        self.refused(header, "struct sqlite3;\n", "names sqlite3")
        self.refused(header, "void f(const nlohmann::json&);\n", "names nlohmann")
        self.refused(header, "namespace torch { class Tensor; }\n", "names torch")
        self.refused(header, '#include "store/format/frame.h"\n', "not installed")
        self.refused("monitor/include/lastgood/monitor_a.h", "void f(const nlohmann::json&);\n", "names nlohmann")

    def test_only_io_touches_files(self):
        for call in ('::open("x", 0)', '::unlink("x")', 'std::ofstream out("x")', "fsync(3)", 'std::filesystem::remove("x")',
                     'std::rename("a", "b")', 'fs::exists("x")', 'x = fopen("x", "r")'):
            self.refused("store/a.cpp", f"void f() {{ {call}; }}\n", "a.cpp:1: .*only store/io touches files")
        self.refused("cli/a.cpp", 'void f() { ::open("x", 0); }\n', "only store/io touches files")
        self.refused("store/catalog/a.cpp", "int f() { return fsync(3); }\n", "only store/io touches files")

    def test_own_functions_may_be_named_as_a_system_call(self):
        own = {"store/a.h": "class A { void unlink(int); };\n", "store/a.cpp": '#include "store/a.h"\nvoid f() { unlink(1); }\n'}
        code, output = self.check(own)
        self.assertEqual(code, 0, output)
        self.refused("store/a.cpp", "void unlink(int);\nvoid f() { ::unlink(1); }\n", "a.cpp:2: ::unlink")

    def test_comments_and_strings_are_no_code(self):
        text = '// ::open("x")\n/* std::ofstream\n */ auto s = "::unlink(x) \\" // fsync(1)";\nauto r = R"(::open(1))";\n'
        code, output = self.check({"store/a.cpp": text})
        self.assertEqual(code, 0, output)

    def test_a_test_that_is_not_built_is_found(self):
        arguments = ["--compile-commands", "ROOT/tests/commands.json"]
        built = [{"directory": "/", "file": "tests/store/save_test.cpp"}]
        code, output = self.check({"tests/commands.json": json.dumps(built)}, *arguments)
        self.assertEqual(code, 1)
        self.assertIn("tests/cli/list_test.cpp: is in no test executable", output)
        code, output = self.check({"tests/commands.json": "[]"}, *arguments, "--not-built", "tests/cli", "--not-built",
                                  "tests/store/")
        self.assertEqual(code, 0, output)


if __name__ == "__main__":
    unittest.main()
