// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "bit_source.hpp"
#include "bit_writer.hpp"
#include "bits.hpp"
#include "tests.hpp"
#include "unpack.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

bool bit_of(const Bytes& bytes, std::size_t i) { return bytes[i / 8] >> (i % 8) & 1; }

Bytes random_bytes(std::size_t nbytes, Numbers& numbers) {
  // Whole bytes of ones and zeros as often as others: they have paths of their own.
  Bytes bytes(nbytes);
  const std::size_t kind = numbers.below(3);
  for (std::uint8_t& byte : bytes)
    byte = static_cast<std::uint8_t>(kind == 0 ? 0 : kind == 1 ? 0xFF : numbers.next());
  if (nbytes != 0 && kind != 2) bytes[numbers.below(nbytes)] ^= 0x10;
  return bytes;
}

// What is written a code at a time is read again, and lies where RFC 1951 3.1.1 says.
void check_stream(Numbers& numbers, Digest& digest) {
  struct Code {
    std::uint64_t bits;
    unsigned count;
  };
  std::vector<Code> codes(1 + numbers.below(200));
  Bytes out(8 * codes.size() + 8);
  framedeflate::BitWriter writer(out.data());
  std::vector<bool> plain;
  for (Code& code : codes) {
    code.count = static_cast<unsigned>(numbers.below(31));
    code.bits = numbers.next() & ((std::uint64_t{1} << code.count) - 1);
    writer.put_and_flush(code.bits, code.count);
    for (unsigned i = 0; i < code.count; ++i) plain.push_back(code.bits >> i & 1);
  }
  writer.align_to_byte();
  const std::size_t nbytes = writer.nbytes();
  CHECK(nbytes == (plain.size() + 7) / 8, "%zu bytes of %zu bits", nbytes, plain.size());
  out.resize(nbytes);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(bit_of(out, i) == plain[i], "bit %zu", i);
  digest.add(out);
  if (nbytes < 8) return;
  framedeflate::BitSource source({out.data(), nbytes, nbytes});
  std::size_t nbits = 0;
  for (const Code& code : codes) {
    source.refill();
    CHECK(source.take(code.count) == code.bits, "a code of %u bits", code.count);
    nbits += code.count;
    CHECK(source.position() == (nbits + 7) / 8, "position %zu after %zu bits", source.position(), nbits);
  }
  CHECK(!source.overrun(), "%zu bytes", nbytes);
}

void check_frames(std::size_t frame_nbits, std::size_t nframes, std::size_t first_bit, Numbers& numbers,
                  Digest& digest) {
  const std::size_t frame_nbytes = (frame_nbits + 7) / 8, end = first_bit + nframes * frame_nbits;
  const Bytes source = random_bytes((end + 7) / 8, numbers);
  Bytes frames(nframes * frame_nbytes, 0xA5), pixels(nframes * frame_nbits, 0xA5);
  framedeflate::cut_bits(source, first_bit, frame_nbits, nframes, frames);
  framedeflate::unpack_bits(frames, frame_nbits, nframes, pixels);
  for (std::size_t f = 0; f < nframes; ++f) {
    for (std::size_t i = 0; i < 8 * frame_nbytes; ++i) {
      const bool expected = i < frame_nbits && bit_of(source, first_bit + f * frame_nbits + i);
      CHECK(bit_of(frames, 8 * f * frame_nbytes + i) == expected, "cut: bit %zu of frame %zu", i, f);
      if (i < frame_nbits)
        CHECK(pixels[f * frame_nbits + i] == expected, "unpacked: bit %zu of frame %zu", i, f);
    }
  }
  digest.add(frames);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(pixel << numbers.below(8));
  Bytes packed(frames.size(), 0xA5);
  framedeflate::pack_bits(pixels, frame_nbits, nframes, packed);
  CHECK(packed == frames, "packed: %zu frames of %zu bits", nframes, frame_nbits);
  Bytes joined = source;
  for (std::size_t i = first_bit; i < 8 * joined.size(); ++i)
    joined[i / 8] &= static_cast<std::uint8_t>(~(1U << (i % 8)));
  framedeflate::join_bits(frames, frame_nbits, nframes, first_bit, joined);
  for (std::size_t i = 0; i < end; ++i) CHECK(bit_of(joined, i) == bit_of(source, i), "joined: bit %zu", i);
}

}  // namespace

void test_bits(Digest& digest) {
  Numbers numbers(3);
  for (int n = 0; n < 300; ++n) check_stream(numbers, digest);
  for (std::size_t frame_nbits = 1; frame_nbits < 1400; frame_nbits += 1 + frame_nbits / 40) {
    for (int n = 0; n < 4; ++n) {
      const std::size_t nframes = 1 + numbers.below(4);
      const std::size_t first_bit = numbers.below(20);
      check_frames(frame_nbits, nframes, first_bit, numbers, digest);
    }
  }
}
