// SPDX-License-Identifier: Apache-2.0
#include <cinttypes>
#include <cstdio>

#include "tests.hpp"

int main() {
  constexpr struct {
    const char* name;
    void (*run)(Digest&);
  } kTests[] = {
      {"bits", test_bits},
      {"checksum", test_checksum},
      {"copy_match", test_copy_match},
      {"equality_map", test_equality_map},
      {"huffman", test_huffman},
      {"encoder", test_encoder},
      {"inflate", test_inflate},
      {"scans", test_scans},
  };
  for (const auto& test : kTests) {
    Digest digest;
    test.run(digest);
    std::printf("%-12s %016" PRIx64 "\n", test.name, digest.value());
    std::fflush(stdout);
  }
}
