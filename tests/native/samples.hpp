// SPDX-License-Identifier: Apache-2.0
// Frames made of whole numbers alone, so that every machine makes the same: shapes, nuclei, labels, noise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct Sample {
  std::string name;
  std::vector<std::uint8_t> frame;
  std::size_t row_nbits;
};

[[nodiscard]] std::vector<Sample> samples();
