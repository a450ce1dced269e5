#include "tests/random_vocabulary.h"

#include <algorithm>
#include <array>
#include <map>

#include "tests/naive.h"

namespace paribus::tests {
namespace {

using bpe::Id;

constexpr std::size_t longest_token = 64;

void shuffle(std::vector<bpe::MergeRule>& rules,
             const std::function<std::size_t(std::size_t)>& below) {
    for (std::size_t i = rules.size(); i > 1; --i) std::swap(rules[i - 1], rules[below(i)]);
}

void append_merged(std::string_view text, const bpe::EncoderTables& tables, std::vector<Id>& ids) {
    for (const std::string& word : naive_split(text, tables.pattern)) {
        const std::vector<Id> tokens = naive_merge_word(word, tables);
        ids.insert(ids.end(), tokens.begin(), tokens.end());
    }
}

const bpe::SpecialToken* special_at(std::string_view text, const bpe::EncoderTables& tables) {
    const bpe::SpecialToken* longest = nullptr;
    for (const bpe::SpecialToken& special : tables.specials) {
        if (!text.starts_with(special.text)) continue;
        if (longest == nullptr || special.text.size() > longest->text.size()) longest = &special;
    }
    return longest;
}

}  // namespace

bpe::EncoderTables random_vocabulary(std::size_t n_merges, bpe::Pattern pattern,
                                     const std::function<std::size_t(std::size_t)>& below) {
    bpe::EncoderTables tables;
    tables.pattern = pattern;
    tables.tokens = {"<|a|>", "<|a|><|a|>", ""};  // id 2 is unused
    tables.specials = {{0, tables.tokens[0]}, {1, tables.tokens[1]}};
    std::vector<Id> letters;
    std::map<std::string, Id> id_of;
    for (std::size_t i = 0; i < 256; ++i) {
        const std::string byte(1, static_cast<char>((i * 7 + 97) % 256));
        if (byte == "a" || byte == "b" || byte == " " || byte == "\n") {
            letters.push_back(static_cast<Id>(tables.tokens.size()));
        }
        id_of[byte] = static_cast<Id>(tables.tokens.size());
        tables.tokens.push_back(byte);
    }
    for (int byte = 0; byte < 256; ++byte) {
        tables.byte_ids.push_back(id_of[std::string(1, static_cast<char>(byte))]);
    }
    for (std::size_t i = 0; i < n_merges; ++i) {
        const Id left = letters[below(letters.size())], right = letters[below(letters.size())];
        const std::string bytes = tables.tokens[left] + tables.tokens[right];
        if (bytes.size() > longest_token) continue;
        const auto [entry, is_new] = id_of.emplace(bytes, static_cast<Id>(tables.tokens.size()));
        if (is_new) tables.tokens.push_back(bytes);
        if (is_new) letters.push_back(entry->second);
        tables.merges.push_back({left, right, entry->second});
    }
    if (below(2) == 0) shuffle(tables.merges, below);
    return tables;
}

bpe::MergeTables merge_tables(const bpe::EncoderTables& tables) {
    std::array<Id, 256> byte_ids{};
    std::copy(tables.byte_ids.begin(), tables.byte_ids.end(), byte_ids.begin());
    return {byte_ids, tables.merges, tables.tokens};
}

std::vector<Id> naive_merge_word(std::string_view word, const bpe::EncoderTables& tables) {
    std::vector<Id> tokens;
    for (const char byte : word) {
        tokens.push_back(tables.byte_ids[static_cast<unsigned char>(byte)]);
    }
    return naive_merge(std::move(tokens), tables.merges);
}

std::vector<Id> naive_encode(std::string_view text, const bpe::EncoderTables& tables,
                             bool allow_special) {
    std::vector<Id> ids;
    std::size_t begin = 0, at = 0;
    while (at < text.size()) {
        const auto* special = allow_special ? special_at(text.substr(at), tables) : nullptr;
        if (special == nullptr) {
            ++at;
            continue;
        }
        append_merged(text.substr(begin, at - begin), tables, ids);
        ids.push_back(special->id);
        begin = at += special->text.size();
    }
    append_merged(text.substr(begin), tables, ids);
    return ids;
}

}  // namespace paribus::tests
