#!/usr/bin/env python3
"""Checks who includes whom, and who touches files. Prints one line a violation; exit 1 if there are any.

usage: layering.py ROOT [--compile-commands FILE [--not-built FOLDER]...]

With the compile commands of a build it also checks that every *_test.cpp under tests/ is compiled there, except
below folders that this build leaves out on purpose.
"""
import argparse
import json
import os
import re
import sys

# A room, and the rooms whose files it may include besides its own. The longest prefix that fits decides the room.
# "public" is the store as a user of the package sees it: <lastgood/...>; "public/ROOM" is that of another room, and
# "public/torch" the store's adapter.
ROOMS = {
    "store/base": ["public"],
    "store/format": ["public", "store/base"],
    "store/paths": ["public", "store/format"],
    "store/io": ["public", "store/base", "store/format", "store/paths", "store/rules"],
    "store/catalog": ["public", "store/base", "store/format", "store/io", "store/paths", "store/rules"],
    "store/include": ["public"],
    "store/rules": [],
    "store": ["public", "store/base", "store/format", "store/io", "store/catalog", "store/paths", "store/rules"],
    "store/torch": ["public", "public/torch"],
    "monitor": ["public", "public/monitor"],
    "monitor/torch": ["public", "public/torch", "public/monitor", "public/monitor/torch"],
    "timeout": ["public", "public/timeout"],
    "timeout/torch": ["public", "public/torch", "public/timeout", "public/timeout/torch", "timeout"],
    "recovery": ["public", "public/monitor", "public/recovery", "public/timeout"],
    "recovery/torch": ["public", "public/torch", "public/monitor", "public/monitor/torch", "public/recovery",
                       "public/recovery/torch", "public/timeout", "recovery"],
    "loop/torch": ["public", "public/torch", "public/monitor", "public/monitor/torch", "public/recovery",
                   "public/recovery/torch", "public/timeout", "public/timeout/torch", "public/loop/torch"],
    "cli": ["public", "public/monitor", "public/recovery", "public/timeout"],
}
SINGLE_FILES = {"store/paths.h": "store/paths", "store/rules.h": "store/rules"}
# These may include every room, but not each other: only tests and benchmarks the examples that they try. The command's
# inside is for its own tests.
FREE = ("tests", "examples", "bench")

# Files that may call the file system although they lie outside of store/io, and why.
EXEMPT = {
    "store/catalog/lock_holder.cpp": "reads /proc, and asks for an inode, to name who holds a lock",
    "timeout/machine.cpp": "reads what the kernel and the user say of the session's end; no file of a store",
    "timeout/command.cpp": "talks to a command through a pipe",
}

CODE = (".h", ".cpp")
PUBLIC = re.compile(r"(.*/)?include/lastgood/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
NAMES_IN_PUBLIC = re.compile(r"\b(sqlite3|zstd|ZSTD|xxhash|XXH\d*|nlohmann|torch|c10)(?![a-z])")

# Calls that reach the file system. Members of an object (files.open(...)) and other qualified names are somebody's own.
RARE = ("openat|creat|unlink(?:at)?|renameat2?|fsync|fdatasync|sync_file_range|ftruncate|fallocate|posix_fallocate|p?readv|"
        "p?writev|pread(?:64)?|pwrite(?:64)?|flock|mkdir(?:at)?|rmdir|opendir|readdir|fopen|mkstemp|mkdtemp|statvfs|statfs")
COMMON = "open|close|read|write|rename|remove|stat|lstat|fstat|link|symlink|chmod|truncate"
STD_FILES = re.compile(
    r"std::(?:basic_)?[io]?fstream\b|std::(?:remove|rename|fopen|tmpfile)\s*\(|"
    r"(?:filesystem|fs)::(?:remove(?:_all)?|rename|create_\w+|copy\w*|resize_file|exists|is_\w+|file_size|"
    r"\w*directory_iterator|last_write_time|permissions|space|status|temp_directory_path|canonical|absolute)\b")
GLOBAL_CALL = re.compile(r"(?<![\w>])::(?:%s|%s)\s*\(" % (RARE, COMMON))
BARE_CALL = re.compile(r"(?<![\w.:>&*~])(?<!\w )(?:%s)\s*\(" % RARE)
RETURNED_CALL = re.compile(r"\breturn (?:%s)\s*\(" % RARE)
DECLARATION = re.compile(r"\b(?!return\b)[\w>]+[ &*]+(%s)\s*\(" % RARE)


def without_comments(text, keep_strings=False):
    """The code with comments, and unless kept the contents of strings, blanked out; lines stay where they are."""
    def blank(match):
        token = match.group(0)
        if token.startswith(("//", "/*")):
            return re.sub(r"[^\n]", " ", token)
        return token if keep_strings else token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1]

    raw = r'R"(?P<tag>[^()\s]{0,16})\((?:.|\n)*?\)(?P=tag)"'
    return re.sub(r'//[^\n]*|/\*(?:.|\n)*?\*/|' + raw + r'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text)


def room_of(path):
    """The room of a file, as ROOMS or FREE name it; None for a file outside of all."""
    if path.startswith("store/torch/include/"):
        return "store/torch"
    if path in SINGLE_FILES:
        return SINGLE_FILES[path]
    fits = [room for room in list(ROOMS) + list(FREE) if path.startswith(room + "/")]
    return max(fits, key=len, default=None)


def room_included(kind, target, files):
    """The room that an include reaches, or None for what is not ours."""
    if target.startswith("lastgood/"):
        for room in ROOMS:
            if room.endswith("/torch") and room != "store/torch" and f"{room}/include/{target}" in files:
                return f"public/{room}"
        torch = target == "lastgood/torch.h" or "/torch/" in target
        other = re.match(r"lastgood/(monitor|recovery|timeout)(_\w+)?\.h$", target)
        return "public/torch" if torch else "public/" + other[1] if other else "public"
    if target in files or kind == '"':
        return room_of(target)
    return None


class Checker:
    def __init__(self, root):
        self.root = root
        self.files = sorted(self.code_files())
        self.known = set(self.files)
        self.problems = []
        self.text = {path: self.read(path) for path in self.files}
        self.includes = {path: INCLUDE.findall(without_comments(text, keep_strings=True))
                         for path, text in self.text.items()}

    def code_files(self):
        for top in sorted({room.split("/")[0] for room in ROOMS} | set(FREE)):
            for folder, _, names in os.walk(os.path.join(self.root, top)):
                for name in names:
                    if name.endswith(CODE):
                        yield os.path.relpath(os.path.join(folder, name), self.root).replace(os.sep, "/")

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()

    def report(self, path, message):
        self.problems.append(f"{path}: {message}")

    def check(self):
        for path in self.files:
            room = room_of(path)
            for kind, target in self.includes[path]:
                self.check_include(path, room, kind, target)
                self.check_third_party(path, room, target)
            if PUBLIC.match(path) and not room.endswith("/torch"):
                self.check_names(path)
            if room not in FREE and room != "store/io" and path not in EXEMPT:
                self.check_file_calls(path)
        return self.problems

    def check_include(self, path, room, kind, target):
        """Between rooms of ours."""
        if kind == '"' and target not in self.known and not target.startswith(("tests/", "examples/", "bench/")):
            self.report(path, f'"{target}" is no file of the project; includes start at the repository root')
        other = room_included(kind, target, self.known)
        if other is None or other == room:
            return
        if PUBLIC.match(path) and not other.startswith("public"):
            self.report(path, f"a public header includes {target}, which is not installed")
        elif room in FREE:
            tries = room in ("tests", "bench") and other == "examples"
            if (other in FREE and not tries) or (other == "cli" and not path.startswith("tests/cli/")):
                self.report(path, f"{room} must not include {target} of {other}")
        elif other not in ROOMS[room]:
            self.report(path, f"{room} must not include {target} of {other}")

    def check_third_party(self, path, room, target):
        """Each foreign library has one place, and passes out of it through no header."""
        if room in FREE:
            return
        if target == "sqlite3.h" and room != "store/catalog":
            self.report(path, "sqlite3.h belongs to store/catalog alone")
        if re.match(r"(zstd|xxhash|xxh3)\w*\.h$", target) and room != "store/format":
            self.report(path, f"{target} belongs to store/format alone")
        if target.startswith("curl/") and path != "timeout/http.cpp":
            self.report(path, f"{target} belongs to timeout/http.cpp alone")
        if re.match(r"(torch|ATen|c10)/", target) and not room.endswith("/torch"):
            self.report(path, f"{target}: LibTorch belongs to the torch/ folders alone")
        foreign = self.foreign_headers(target)
        if foreign and room_of(target) != room:
            self.report(path, f"{target} includes {foreign[0]} and is for its own folder alone")

    def foreign_headers(self, target):
        """What a header of ours includes of the libraries that no other room should see."""
        return [name for _, name in self.includes.get(target, [])
                if re.match(r"nlohmann/|sqlite3\.h$|zstd\w*\.h$|xxh\w*\.h$", name)]

    def check_names(self, path):
        for match in NAMES_IN_PUBLIC.finditer(without_comments(self.text[path])):
            self.report(path, f"a public header of the core names {match.group(0)}")

    def declared(self, path):
        """Functions of our own that are named as a system call, in this file and in what it includes."""
        files = [path] + [target for _, target in self.includes[path] if target in self.known]
        return {name for file in files for name in DECLARATION.findall(without_comments(self.text[file]))}

    def check_file_calls(self, path):
        code = without_comments(self.text[path])
        own = self.declared(path)
        for pattern in (GLOBAL_CALL, BARE_CALL, RETURNED_CALL, STD_FILES):
            for match in pattern.finditer(code):
                if path.startswith("cli/") and re.match(r"::(write|read)\b", match.group(0)):
                    continue  # the terminal
                if not match.group(0).startswith("::") and re.findall(r"\w+", match.group(0))[-1] in own:
                    continue
                line = code.count("\n", 0, match.start()) + 1
                call = match.group(0).rstrip("( \t")
                self.report(f"{path}:{line}", f"{call}: only store/io touches files; go through io::FileSystem")

    def check_tests_are_built(self, compile_commands, not_built):
        with open(compile_commands, encoding="utf-8") as file:
            built = {os.path.realpath(os.path.join(entry["directory"], entry["file"])) for entry in json.load(file)}
        for path in self.files:
            left_out = any(path.startswith(folder.rstrip("/") + "/") for folder in not_built)
            if path.startswith("tests/") and path.endswith("_test.cpp") and not left_out:
                if os.path.realpath(os.path.join(self.root, path)) not in built:
                    self.report(path, "is in no test executable of this build")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("root")
    parser.add_argument("--compile-commands")
    parser.add_argument("--not-built", action="append", default=[])
    arguments = parser.parse_args()
    checker = Checker(os.path.abspath(arguments.root))
    if not checker.files:
        sys.exit(f"{arguments.root}: no source of ours there")
    checker.check()
    if arguments.compile_commands:
        checker.check_tests_are_built(arguments.compile_commands, arguments.not_built)
    for problem in checker.problems:
        print(problem)
    print(f"{len(checker.files)} files, {len(checker.problems)} violations")
    sys.exit(1 if checker.problems else 0)


if __name__ == "__main__":
    main()
