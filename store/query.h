// Asking the catalog for one value, in a read transaction of its own. Two calls see two snapshots: what must agree is
// asked in one.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <lastgood/store.h>

#include "store/store_impl.h"

namespace lastgood {

/// What `body(db)` returns, from one snapshot. `body` may run again, so it must not change anything outside.
template <class Body>
/// Throws what the body throws, and Error(busy) where writers keep a rollback journal's readers out for longer than
/// StoreOptions::busy_timeout.
auto query(const StoreImpl& store, const Body& body) {
  std::optional<std::invoke_result_t<Body, catalog::Connection&>> result;
  store.use().read([&](catalog::Connection& db) { result.emplace(body(db)); });
  return std::move(*result);
}

template <class Body>
auto query(const Store& store, const Body& body) {
  return query(store.impl(), body);
}

/// Throws Error(not_found) where there is no such checkpoint, naming the ids nearest to it.
void require_checkpoint(catalog::Connection& db, CheckpointId id);

}  // namespace lastgood
