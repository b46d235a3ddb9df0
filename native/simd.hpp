// SPDX-License-Identifier: Apache-2.0
// What this processor has: said once, so that a build can leave it all out.
#pragma once

#if defined(FRAMEDEFLATE_PORTABLE)
// As on a machine without either.
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define FRAMEDEFLATE_SSE2 1
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#define FRAMEDEFLATE_NEON 1
#endif
