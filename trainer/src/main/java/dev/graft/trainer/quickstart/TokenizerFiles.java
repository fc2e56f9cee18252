package dev.graft.trainer.quickstart;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Writes tokenizer.json and tokenizer_config.json as Hugging Face's libraries read them. */
final class TokenizerFiles {

  /** With the ids 0, 1 and 2, which the model's config.json names as BOS and EOS. */
  private static final List<String> SPECIAL = List.of("<unk>", "<s>", "</s>");

  private TokenizerFiles() {}

  /** Merges that make a vocabulary of that size. */
  static int mergesFor(int vocabularySize) {
    return vocabularySize - SPECIAL.size() - BytePairs.alphabet().size();
  }

  /** {@code tokenizer.json} of a byte-level BPE. */
  static String tokenizer(List<BytePairs.Pair> merges) {
    var vocabulary = new LinkedHashMap<String, Integer>();
    var tokens = new ArrayList<>(SPECIAL);
    tokens.addAll(BytePairs.alphabet());
    merges.forEach(merge -> tokens.add(merge.joined()));
    for (String token : tokens) {
      vocabulary.put(token, vocabulary.size());
    }
    var model = new LinkedHashMap<String, Object>();
    model.put("type", "BPE");
    model.put("dropout", null);
    model.put("unk_token", null);
    model.put("continuing_subword_prefix", null);
    model.put("end_of_word_suffix", null);
    model.put("fuse_unk", false);
    model.put("byte_fallback", false);
    model.put("vocab", vocabulary);
    model.put("merges", merges.stream().map(merge -> merge.left() + " " + merge.right()).toList());

    var tokenizer = new LinkedHashMap<String, Object>();
    tokenizer.put("version", "1.0");
    tokenizer.put("truncation", null);
    tokenizer.put("padding", null);
    tokenizer.put("added_tokens", SPECIAL.stream().map(TokenizerFiles::addedToken).toList());
    tokenizer.put("normalizer", null);
    tokenizer.put("pre_tokenizer", byteLevel());
    tokenizer.put("post_processor", null);
    tokenizer.put("decoder", byteLevel());
    tokenizer.put("model", model);
    return print(tokenizer);
  }

  /** {@code tokenizer_config.json}: every text begins with BOS. */
  static String config(int longestText) {
    var config = new LinkedHashMap<String, Object>();
    config.put("tokenizer_class", "PreTrainedTokenizerFast");
    config.put("bos_token", "<s>");
    config.put("eos_token", "</s>");
    config.put("unk_token", "<unk>");
    config.put("add_bos_token", true);
    config.put("add_eos_token", false);
    config.put("clean_up_tokenization_spaces", false);
    config.put("model_max_length", longestText);
    return print(config);
  }

  private static Map<String, Object> addedToken(String token) {
    var added = new LinkedHashMap<String, Object>();
    added.put("id", SPECIAL.indexOf(token));
    added.put("content", token);
    added.put("single_word", false);
    added.put("lstrip", false);
    added.put("rstrip", false);
    added.put("normalized", false);
    added.put("special", true);
    return added;
  }

  private static Map<String, Object> byteLevel() {
    var byteLevel = new LinkedHashMap<String, Object>();
    byteLevel.put("type", "ByteLevel");
    byteLevel.put("add_prefix_space", false);
    byteLevel.put("trim_offsets", false);
    byteLevel.put("use_regex", true);
    return byteLevel;
  }

  private static String print(Object json) {
    return JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(json) + "\n";
  }
}
