// Special tokens in a text, and the cutting of a text into pieces that split as the whole does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bpe/pretokenizer.h"
#include "bpe/types.h"

namespace bpe {

// Finds special tokens: the leftmost, and of those that start there the longest.
class SpecialTokens {
  public:
    SpecialTokens() = default;
    explicit SpecialTokens(std::vector<std::pair<TokenId, std::string>> tokens);

    struct Match {
        std::size_t position;  // npos where there is none
        std::size_t length;
        TokenId id;
    };
    Match find(std::string_view text, std::size_t from) const;
    std::size_t longest() const { return longest_; }

  private:
    std::vector<std::pair<TokenId, std::string>> tokens_;  // longest first
    std::string first_bytes_;
    std::size_t longest_ = 0;
};

// A stretch of text between sure borders. Pretokens start in [begin, end); what they look at ends
// at `visible_end`, a special token or the end of the text. A special token is a piece of its own.
struct Piece {
    std::size_t begin, end, visible_end;
    bool is_special;
    TokenId special_id;
};

// Cuts `text` into pieces of about `piece_size` bytes, in order, leaving nothing out.
std::vector<Piece> cut_into_pieces(std::string_view text, const SpecialTokens& specials,
                                   Pattern pattern, std::size_t piece_size);

// Calls visit(pretoken) for each pretoken of an ordinary piece, in order.
template <typename Visit>
void for_each_pretoken(std::string_view text, const Piece& piece, Pattern pattern, Visit visit) {
    const std::string_view visible = text.substr(0, piece.visible_end);
    for (std::size_t start = piece.begin; start < piece.end;) {
        const std::size_t end = pretoken_end(pattern, visible, start);
        visit(visible.substr(start, end - start));
        start = end;
    }
}

}  // namespace bpe
