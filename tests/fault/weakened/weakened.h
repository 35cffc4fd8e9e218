// Turning rules off for the length of a test.
#pragma once

#include <initializer_list>
#include <vector>

#include "store/rules.h"
#include "tests/fault/harness/scenario.h"

namespace lastgood::test {

class Weakened {
 public:
  explicit Weakened(std::initializer_list<bool*> rules) : rules_(rules) {
    filled();  // the base disks are made with all rules in force
    for (bool* rule : rules_) *rule = false;
  }
  ~Weakened() {
    for (bool* rule : rules_) *rule = true;
  }
  Weakened(const Weakened&) = delete;
  Weakened& operator=(const Weakened&) = delete;

 private:
  std::vector<bool*> rules_;
};

}  // namespace lastgood::test
