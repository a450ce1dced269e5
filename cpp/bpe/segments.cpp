#include "bpe/segments.h"

#include <algorithm>

namespace bpe {

SpecialTokens::SpecialTokens(std::vector<std::pair<TokenId, std::string>> tokens)
    : tokens_(std::move(tokens)) {
    std::stable_sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) {
        return a.second.size() > b.second.size();
    });
    for (const auto& [id, text] : tokens_) {
        if (text.empty()) throw Error("special token: expected some bytes, found none");
        if (first_bytes_.find(text[0]) == std::string::npos) first_bytes_ += text[0];
    }
    longest_ = tokens_.empty() ? 0 : tokens_.front().second.size();
}

SpecialTokens::Match SpecialTokens::find(std::string_view text, std::size_t from) const {
    while (!tokens_.empty() && from < text.size()) {
        from = first_bytes_.size() == 1 ? text.find(first_bytes_[0], from)
                                        : text.find_first_of(first_bytes_, from);
        if (from == std::string_view::npos) break;
        for (const auto& [id, token] : tokens_) {
            if (text.compare(from, token.size(), token) == 0) return {from, token.size(), id};
        }
        ++from;
    }
    return {std::string_view::npos, 0, 0};
}

std::vector<Piece> cut_into_pieces(std::string_view text, const SpecialTokens& specials,
                                   Pattern pattern, std::size_t piece_size) {
    std::vector<Piece> pieces;
    for (std::size_t begin = 0; begin < text.size();) {
        const SpecialTokens::Match match = specials.find(text, begin);
        const bool found = match.position != std::string_view::npos;
        const std::size_t segment_end = found ? match.position : text.size();
        while (begin < segment_end) {
            std::size_t end = segment_end;
            if (segment_end - begin > piece_size) {
                const std::string_view segment = text.substr(0, segment_end);
                end = std::min(next_sure_border(pattern, segment, begin + piece_size), segment_end);
            }
            pieces.push_back({begin, end, segment_end, false, 0});
            begin = end;
        }
        if (found) {
            const std::size_t end = match.position + match.length;
            pieces.push_back({match.position, end, end, true, match.id});
            begin = end;
        }
    }
    return pieces;
}

}  // namespace bpe
