// Condition number, Schatten norms and eigenvalues of one matrix.
#pragma once

#include <functional>
#include <string>

#include <ATen/core/Tensor.h>

#include <lastgood/monitor_step.h>

namespace lastgood::monitor {

/// Measures what `matrix` returns, [rows, columns] of any dtype and device, in double or complex128 on the CPU, and
/// enters it under `name`. Never throws for what cannot be computed: why is in `out.failures`, beside what could.
void measure_matrix(const std::string& name, const std::function<at::Tensor()>& matrix, NumericalStability& out);

}  // namespace lastgood::monitor
