// Which journal the catalog uses, and how durable its commits are in it. The reasons and the measurements: FORMAT.md,
// "Journal and durability".
#pragma once

#include <cstdint>

#include "store/catalog/catalog.h"

namespace lastgood::catalog {

class Connection;

enum class Journal : std::uint8_t { persistent, write_ahead };

/// The write-ahead log where this SQLite can share it safely on this kind of file system.
Journal choose_journal(int sqlite_version, bool local) noexcept;

/// Switches to the journal and reads back that it happened. May find the database busy. Outside of transactions.
void set_journal(Connection& db, Journal journal);

/// The setting for the commits to come. Outside of transactions.
void set_synchronous(Connection& db, Journal journal, Durability durability);

}  // namespace lastgood::catalog
