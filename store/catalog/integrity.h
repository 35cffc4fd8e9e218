// Checks of the catalog as a whole, beyond what each query checks of the values that it reads.
#pragma once

#include <string>
#include <vector>

namespace lastgood::catalog {

class Connection;

/// SQLite's own checks, then what no foreign key watches: references from checkpoints to blobs. Reads everything. Needs
/// a read transaction, and holds it for as long as that takes. Never throws for damage: that is the answer.
std::vector<std::string> find_integrity_problems(Connection& db);

}  // namespace lastgood::catalog
