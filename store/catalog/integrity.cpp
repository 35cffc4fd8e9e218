// From the bottom up: pages, then foreign keys, then what no key watches. Each answer is only worth having where the
// one below it is clean.
#include "store/catalog/integrity.h"

#include <algorithm>

#include "store/catalog/connection.h"

namespace lastgood::catalog {
namespace {

// SQLite puts all that it finds in one tree into one row, a finding a line, beneath a title that says nothing more.
void add_lines(std::string_view text, std::vector<std::string>& problems) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty() && !line.starts_with("***")) problems.emplace_back(line);
  }
}

void check_pages(Connection& db, std::vector<std::string>& problems) {
  Statement check(db, "PRAGMA integrity_check");
  while (check.step()) {
    if (check.text(0) != "ok") add_lines(check.text(0), problems);
  }
}

void check_foreign_keys(Connection& db, std::vector<std::string>& problems) {
  Statement check(db, "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2");
  while (check.step()) {
    problems.push_back(std::to_string(check.count(2)) + " rows of " + std::string(check.text(0)) +
                       " refer to missing rows of " + std::string(check.text(1)));
  }
}

/// What a foreign key over blob_id would watch at the price of an index; here it is one walk over all references.
void check_references(Connection& db, std::vector<std::string>& problems) {
  Statement check(db,
                  "WITH used(blob_id, n) AS (SELECT blob_id, count(*) FROM ("
                  "  SELECT blob_id FROM checkpoint_blob UNION ALL SELECT manifest_blob FROM checkpoint"
                  "  UNION ALL SELECT record_blob FROM checkpoint) GROUP BY blob_id) "
                  "SELECT (SELECT count(*) FROM used LEFT JOIN blob AS b ON b.id = used.blob_id AND b.state = 0"
                  "        WHERE b.id IS NULL), "
                  "(SELECT count(*) FROM blob AS b LEFT JOIN used ON used.blob_id = b.id"
                  " WHERE b.state = 0 AND b.refs <> coalesce(used.n, 0)), "
                  "(SELECT count(*) FROM checkpoint_blob AS x WHERE NOT EXISTS"
                  " (SELECT 1 FROM checkpoint AS c WHERE c.id = x.checkpoint_id))");
  check.step();
  const char* const what[] = {" blobs that checkpoints refer to are missing or dead",
                              " blobs have a wrong count of references",
                              " references belong to checkpoints that are gone"};
  for (int column = 0; column < 3; ++column) {
    if (check.count(column) > 0) problems.push_back(std::to_string(check.count(column)) + what[column]);
  }
}

}  // namespace

std::vector<std::string> find_integrity_problems(Connection& db) {
  std::vector<std::string> problems;
  try {
    check_pages(db, problems);
    // On broken pages the other checks would only report their consequences.
    if (problems.empty()) check_foreign_keys(db, problems);
    if (problems.empty()) check_references(db, problems);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corruption) throw;
    problems.emplace_back(error.what());
  }
  return problems;
}

}  // namespace lastgood::catalog
