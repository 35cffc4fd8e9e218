# What the core and the command stand on, as Debian packages it. Found once, at the top, so that every folder sees it.
find_package(SQLite3 3.31 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
find_package(nlohmann_json 3 REQUIRED)
find_package(CURL 7.61 REQUIRED)
find_package(Threads REQUIRED)
