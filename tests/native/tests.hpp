// SPDX-License-Identifier: Apache-2.0
// Each holds one part of the core against plain loops, and adds what it made to the digest.
#pragma once

#include "check.hpp"

void test_bits(Digest& digest);
void test_checksum(Digest& digest);
void test_copy_match(Digest& digest);
void test_encoder(Digest& digest);
void test_equality_map(Digest& digest);
void test_huffman(Digest& digest);
void test_inflate(Digest& digest);
void test_scans(Digest& digest);
