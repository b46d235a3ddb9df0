// SPDX-License-Identifier: Apache-2.0
// Streams as they stand in a file: each the value of an Item, behind its header, with a NULL where its length
// is odd (PS3.5 A.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "batch.hpp"

namespace framedeflate {

// Bytes of all Items together. A stream of no bytes has none.
[[nodiscard]] std::size_t items_nbytes(const Deflated& deflated) noexcept;

// Writes them, in the order of the Frames, into `out` of just that size. A stream of more than 4 GiB has a
// header that does not tell its length: who asks for such must look at the sizes.
void write_items(const Deflated& deflated, std::span<std::uint8_t> out) noexcept;

}  // namespace framedeflate
