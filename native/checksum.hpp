// SPDX-License-Identifier: Apache-2.0
// The checksums behind a zlib stream (RFC 1950) and a gzip member (RFC 1952). With them a stored Fragment can
// be wrapped into either without being inflated again.
#pragma once

#include <cstdint>
#include <span>

namespace framedeflate {

[[nodiscard]] std::uint32_t adler32(std::span<const std::uint8_t> data) noexcept;
[[nodiscard]] std::uint32_t crc32(std::span<const std::uint8_t> data) noexcept;

}  // namespace framedeflate
