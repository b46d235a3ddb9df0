// SPDX-License-Identifier: Apache-2.0
// Any stream into a Frame of any size, beside zlib: the same streams are taken, with the same bytes and the
// same number of them read; what is refused is refused for the reason that zlib would give.
//
// Input: how the size is chosen (1 byte), a size (2), the stream.
#include <zlib.h>

#include <vector>

#include "inflate.hpp"
#include "input.hpp"

namespace {

constexpr std::size_t kMost = std::size_t{1} << 16;  // of output; longer streams are cut off there

// zlib, kept from input to input: making it anew takes longer than most inputs do.
class Judge {
 public:
  Judge() : bytes_(kMost + 1) { HOLDS(inflateInit2(&z_, -15) == Z_OK, "zlib does not start"); }
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  ~Judge() { inflateEnd(&z_); }

  void inflate_all(std::span<const std::uint8_t> stream) {
    HOLDS(inflateReset(&z_) == Z_OK, "zlib does not start again");
    z_.next_in = const_cast<Bytef*>(stream.data());
    z_.avail_in = static_cast<uInt>(stream.size());
    z_.next_out = bytes_.data();
    z_.avail_out = static_cast<uInt>(bytes_.size());
    end = inflate(&z_, Z_FINISH);
    consumed = stream.size() - z_.avail_in;
    produced = bytes_.size() - z_.avail_out;
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), produced}; }

  int end = Z_BUF_ERROR;  // Z_STREAM_END, Z_DATA_ERROR, or Z_BUF_ERROR: more input or more room is wanted
  std::size_t consumed = 0;
  std::size_t produced = 0;

 private:
  z_stream z_{};
  std::vector<std::uint8_t> bytes_;
};

std::size_t chosen_size(unsigned way, unsigned number, std::size_t produced) {
  switch (way % 4) {
    case 0:
      return produced;  // the Frame's, where the stream is whole
    case 1:
      return produced - std::min<std::size_t>(produced, 1 + number % 64);
    case 2:
      return produced + 1 + number % 512;
    default:
      return number;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t nbytes) {
  Input input(data, nbytes);
  const unsigned way = input.byte(), number = input.word();
  const Exact stream(input.rest());
  static Judge judged;
  judged.inflate_all(stream.span());
  const std::size_t size = std::min(chosen_size(way, number, judged.produced), kMost);
  const Exact frame(size);
  const framedeflate::Inflated inflated = framedeflate::inflate_exact(stream.span(), frame.span());
  using framedeflate::Defect;

  HOLDS(inflated.consumed <= stream.span().size(), "more read than there is");
  HOLDS(inflated.produced <= size, "more written than there is room for");
  HOLDS(inflated.produced <= judged.produced, "more bytes than zlib's");
  HOLDS(
      std::equal(frame.span().begin(), frame.span().begin() + static_cast<std::ptrdiff_t>(inflated.produced),
                 judged.bytes().begin()),
      "other bytes than zlib's");
  const bool whole = judged.end == Z_STREAM_END;
  HOLDS((inflated.defect == Defect::none) == (whole && judged.produced == size), "zlib decides otherwise");
  if (inflated.defect == Defect::none) {
    HOLDS(inflated.consumed == judged.consumed, "zlib reads another number of bytes");
    HOLDS(inflated.produced == size, "a whole Frame without all its bytes");
  } else if (judged.produced > size) {
    // Where the first byte too many and a broken bit come in one block, zlib may meet the other first.
    HOLDS(inflated.defect == Defect::excess_output || judged.end == Z_DATA_ERROR,
          "an excess is called otherwise");
  } else if (whole) {
    HOLDS(inflated.defect == Defect::short_output, "a short Frame is called otherwise");
  } else if (judged.end == Z_DATA_ERROR) {
    HOLDS(inflated.defect == Defect::bad_data, "a broken stream is called otherwise");
  } else if (judged.produced <= kMost) {
    HOLDS(inflated.defect == Defect::not_terminated, "a stream cut short is called otherwise");
  }
  return 0;
}
