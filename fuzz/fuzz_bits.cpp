// SPDX-License-Identifier: Apache-2.0
// Cutting, joining, packing and unpacking single-bit Frames, beside a loop over the bits.
//
// Input: bits of a Frame (2 bytes), first bit (1), Frames (1), the bytes.
#include <vector>

#include "bits.hpp"
#include "input.hpp"
#include "unpack.hpp"

namespace {

bool bit_of(std::span<const std::uint8_t> bytes, std::size_t i) { return bytes[i / 8] >> (i % 8) & 1; }

void set_bit(std::span<std::uint8_t> bytes, std::size_t i, bool value) {
  const auto mask = static_cast<std::uint8_t>(1U << (i % 8));
  bytes[i / 8] = static_cast<std::uint8_t>(value ? bytes[i / 8] | mask : bytes[i / 8] & ~mask);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t nbytes) {
  Input input(data, nbytes);
  const std::size_t frame_nbits = 1 + input.word() % 2048, first_bit = input.byte();
  const std::size_t wanted = input.byte() % 8;
  const Exact source(input.rest());
  const std::size_t source_nbits = 8 * source.span().size();
  const std::size_t there = source_nbits < first_bit ? 0 : (source_nbits - first_bit) / frame_nbits;
  const std::size_t nframes = std::min(wanted, there);
  const std::size_t frame_nbytes = (frame_nbits + 7) / 8;
  if (first_bit > source_nbits) return 0;

  const Exact cut(nframes * frame_nbytes, 0xA5);
  framedeflate::cut_bits(source.span(), first_bit, frame_nbits, nframes, cut.span());
  const Exact plain_cut(nframes * frame_nbytes, 0);
  for (std::size_t f = 0; f < nframes; ++f) {
    for (std::size_t i = 0; i < frame_nbits; ++i)
      set_bit(plain_cut.span(), f * frame_nbytes * 8 + i,
              bit_of(source.span(), first_bit + f * frame_nbits + i));
  }
  HOLDS(cut == plain_cut, "cut otherwise");

  const Exact pixels(nframes * frame_nbits, 0xA5);
  framedeflate::unpack_bits(cut.span(), frame_nbits, nframes, pixels.span());
  for (std::size_t i = 0; i < pixels.span().size(); ++i)
    HOLDS(pixels.span()[i] == bit_of(source.span(), first_bit + i), "unpacked otherwise");

  const Exact zeroed(pixels.span().size(), 0);
  for (std::size_t f = 0; f < nframes; ++f) {
    const Exact frame(cut.span().subspan(f * frame_nbytes, frame_nbytes));
    framedeflate::unpack_frame(frame.span(), zeroed.span().subspan(f * frame_nbits, frame_nbits),
                               framedeflate::Memory::zeroed);
  }
  HOLDS(zeroed == pixels, "unpacked otherwise into zeros");
  const Exact copied(source.span().size(), 0);
  framedeflate::copy_into_zeroed(source.span(), copied.span());
  HOLDS(copied == source, "copied otherwise into zeros");

  // Any value but 0 is a 1: the bytes of the input itself as pixels.
  const std::size_t npixel_frames = std::min(wanted, source.span().size() / frame_nbits);
  const Exact any_pixels(source.span().first(npixel_frames * frame_nbits));
  const Exact packed(npixel_frames * frame_nbytes, 0xA5);
  framedeflate::pack_bits(any_pixels.span(), frame_nbits, npixel_frames, packed.span());
  for (std::size_t f = 0; f < npixel_frames; ++f) {
    for (std::size_t i = 0; i < 8 * frame_nbytes; ++i) {
      const bool expected = i < frame_nbits && any_pixels.span()[f * frame_nbits + i] != 0;
      HOLDS(bit_of(packed.span(), f * frame_nbytes * 8 + i) == expected, "packed otherwise");
    }
  }
  const Exact repacked(nframes * frame_nbytes, 0xA5);
  framedeflate::pack_bits(pixels.span(), frame_nbits, nframes, repacked.span());
  HOLDS(repacked == cut, "not packed again to what it was");

  // Joined into bytes of exactly the size, with bits before them that must stay and unused ones in the
  // Frames.
  const std::size_t end_bit = first_bit + nframes * frame_nbits;
  const Exact joined((end_bit + 7) / 8, 0x5A), plain_joined((end_bit + 7) / 8, 0x5A);
  const Exact frames(cut.span());
  if (frame_nbits % 8 != 0) {
    for (std::size_t f = 1; f <= nframes; ++f)
      frames.span()[f * frame_nbytes - 1] |= static_cast<std::uint8_t>(0xFFU << (frame_nbits % 8));
  }
  framedeflate::join_bits(frames.span(), frame_nbits, nframes, first_bit, joined.span());
  for (std::size_t i = first_bit; i < 8 * plain_joined.span().size() && nframes != 0; ++i)
    set_bit(plain_joined.span(), i, i < end_bit && bit_of(source.span(), i));
  HOLDS(joined == plain_joined, "joined otherwise");
  return 0;
}
