// SPDX-License-Identifier: Apache-2.0
// What became of the Fragments of a batch, as Python gets it.
#pragma once

#include <cstdint>
#include <vector>

#include "inflate.hpp"
#include "python_buffers.hpp"

namespace framedeflate {

// (defects, consumed, produced), one of each a Fragment.
inline nb::tuple as_python(const std::vector<Inflated>& results) {
  NewBytes defects(results.size());
  nb::list consumed;
  nb::list produced;
  for (std::size_t i = 0; i < results.size(); ++i) {
    defects.span()[i] = static_cast<std::uint8_t>(results[i].defect);
    consumed.append(results[i].consumed);
    produced.append(results[i].produced);
  }
  return nb::make_tuple(defects.take(), consumed, produced);
}

}  // namespace framedeflate
