package dev.graft.tokenizer;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;

/**
 * What must be known of a tokenizer.json beyond what the Rust core does with it. Read in one pass,
 * since a tree of 280,000 merges would cost more than everything else.
 *
 * @param added every added token's id by its text
 * @param special which ids are special, that is control and not text
 * @param bytes which ids are byte tokens, {@code <0x00>} to {@code <0xFF>}
 * @param found ids of the wanted texts that are ordinary tokens of the vocabulary
 * @param vocabularySize the largest id plus one
 * @param byteOffsets how the places of its tokens are counted, or null if they are not the text's
 *     bytes cut into pieces
 * @param cutsWords whether it makes its tokens word by word where {@link WordCuts} says: the
 *     pre-tokenizer is literally the one that is followed there, added tokens are plain strings,
 *     and merging depends on nothing but the word
 */
record TokenizerJson(
    Map<String, Integer> added,
    BitSet special,
    BitSet bytes,
    Map<String, Integer> found,
    int vocabularySize,
    @Nullable ByteOffsets byteOffsets,
    boolean cutsWords) {
  private static final int MAX_ID = 1 << 24;

  /**
   * @param wanted texts whose ids are needed
   * @throws DataException if it is not the tokenizer.json of a language model
   */
  static TokenizerJson parse(Path file, byte[] json, Set<String> wanted) {
    Reading reading = new Reading(file, wanted);
    try (JsonParser parser = JsonFiles.MAPPER.createParser(json)) {
      reading.root(parser);
    } catch (JacksonException e) {
      throw JsonFiles.broken(file, e);
    }
    if (!reading.hasVocabulary) {
      throw reading.wrong("there is no \"model\" with a \"vocab\"");
    }
    return new TokenizerJson(
        Map.copyOf(reading.added),
        reading.special,
        reading.bytes,
        Map.copyOf(reading.found),
        reading.maxId + 1,
        reading.byteOffsets(),
        reading.cutsWords());
  }

  /**
   * The texts of all special tokens, without reading the vocabulary that follows them; none if
   * there is no such file.
   */
  static Set<String> specialTokens(Path file) {
    if (!Files.isRegularFile(file)) {
      return Set.of();
    }
    Reading reading = new Reading(file, Set.of());
    reading.stopsBehindAddedTokens = true;
    try (JsonParser parser = JsonFiles.MAPPER.createParser(JsonFiles.read(file))) {
      reading.root(parser);
    } catch (JacksonException e) {
      throw JsonFiles.broken(file, e);
    }
    return reading.added.entrySet().stream()
        .filter(token -> reading.special.get(token.getValue()))
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }

  private static final class Reading {
    final Path file;
    final Set<String> wanted;
    final Map<String, Integer> added = new LinkedHashMap<>();
    final Map<String, Integer> found = new HashMap<>();
    final BitSet special = new BitSet();
    final BitSet bytes = new BitSet();
    int[] lengths = new int[1 << 15];
    int maxId = -1;
    boolean hasVocabulary;
    boolean cutsBytes;
    boolean keepsText = true;
    boolean normalizes;
    boolean stopsBehindAddedTokens;
    boolean cutsAtWords;
    boolean addsPlainStrings = true;
    boolean mergesSurely = true;
    boolean mergesPairs;

    Reading(Path file, Set<String> wanted) {
      this.file = file;
      this.wanted = wanted;
    }

    void root(JsonParser json) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw wrong("it does not hold a JSON object");
      }
      for (String key = json.nextName(); key != null; key = json.nextName()) {
        JsonToken value = json.nextToken();
        if (key.equals("added_tokens") && value == JsonToken.START_ARRAY) {
          while (json.nextToken() == JsonToken.START_OBJECT) {
            addedToken(json);
          }
          if (stopsBehindAddedTokens) {
            return;
          }
        } else if (key.equals("normalizer") && value == JsonToken.START_OBJECT) {
          normalizer(json.readValueAsTree());
        } else if (key.equals("pre_tokenizer") && value == JsonToken.START_OBJECT) {
          JsonNode node = json.readValueAsTree();
          cutsBytes = cutsBytes(node);
          cutsAtWords = WordCuts.follows(node);
        } else if (key.equals("model") && value == JsonToken.START_OBJECT) {
          model(json);
        } else {
          json.skipChildren();
        }
      }
    }

    /** NFC can be checked for; anything else changes texts in ways that are not followed here. */
    void normalizer(JsonNode node) {
      normalizes = node.path("type").asString("").equals("NFC");
      keepsText = normalizes || node.path("normalizers").isEmpty() && node.has("normalizers");
    }

    /** Whether the last thing before merging is to spell bytes, and nothing is put in front. */
    static boolean cutsBytes(JsonNode node) {
      String type = node.path("type").asString("");
      JsonNode steps = node.path("pretokenizers");
      if (type.equals("Sequence") && !steps.isEmpty()) {
        for (int i = 0; i < steps.size() - 1; i++) {
          String step = steps.get(i).path("type").asString("");
          if (!step.equals("Split") && !step.equals("Digits")) {
            return false;
          }
        }
        return cutsBytes(steps.get(steps.size() - 1));
      }
      return type.equals("ByteLevel") && !node.path("add_prefix_space").asBoolean(true);
    }

    boolean cutsWords() {
      return cutsBytes
          && keepsText
          && cutsAtWords
          && addsPlainStrings
          && mergesPairs
          && mergesSurely;
    }

    @Nullable ByteOffsets byteOffsets() {
      if (!cutsBytes || !keepsText) {
        return null;
      }
      added.forEach((text, id) -> length(id, text.getBytes(StandardCharsets.UTF_8).length));
      return new ByteOffsets(Arrays.copyOf(lengths, maxId + 1), normalizes);
    }

    void length(int id, int bytes) {
      if (id >= lengths.length) {
        lengths = Arrays.copyOf(lengths, Math.max(id + 1, 2 * lengths.length));
      }
      lengths[id] = bytes;
    }

    void addedToken(JsonParser json) {
      int id = -1;
      String content = null;
      boolean isSpecial = false;
      Map<String, Boolean> otherwise = new HashMap<>();
      for (String key = json.nextName(); key != null; key = json.nextName()) {
        json.nextToken();
        switch (key) {
          case "id" -> id = id(json);
          case "content" -> content = json.getString();
          case "special" -> isSpecial = json.currentToken() == JsonToken.VALUE_TRUE;
          case "lstrip", "rstrip", "single_word", "normalized" ->
              otherwise.put(key, json.currentToken() != JsonToken.VALUE_FALSE);
          default -> json.skipChildren();
        }
      }
      // One that takes spaces along, or is looked for in what a normalizer leaves, is no string.
      addsPlainStrings &= otherwise.size() == 4 && !otherwise.containsValue(true);
      if (id < 0 || content == null) {
        throw wrong("an added token has no \"id\" or no \"content\"");
      }
      added.put(content, id);
      special.set(id, isSpecial);
    }

    void model(JsonParser json) {
      for (String key = json.nextName(); key != null; key = json.nextName()) {
        JsonToken value = json.nextToken();
        if (key.equals("vocab") && value == JsonToken.START_OBJECT) {
          hasVocabulary = true;
          for (String token = json.nextName(); token != null; token = json.nextName()) {
            json.nextToken();
            vocabularyEntry(token, id(json));
          }
        } else if (key.equals("vocab") && value == JsonToken.START_ARRAY) {
          unigramVocabulary(json);
        } else if (key.equals("type") && value == JsonToken.VALUE_STRING) {
          mergesPairs = json.getString().equals("BPE");
        } else if (key.equals("dropout")) {
          mergesSurely = value == JsonToken.VALUE_NULL;
        } else if (key.equals("continuing_subword_prefix")
            && value != JsonToken.VALUE_NULL
            && !json.getString().isEmpty()) {
          // The core cuts it off every merge without looking, and a panic there ends the JVM.
          throw new DataException(
              file
                  + ": continuing_subword_prefix \""
                  + json.getString()
                  + "\" is not supported; no Llama or Mistral tokenizer has one.");
        } else {
          json.skipChildren();
        }
      }
    }

    /** Unigram models list [token, score] pairs; the id is the place in the list. */
    void unigramVocabulary(JsonParser json) {
      hasVocabulary = true;
      for (int id = 0; json.nextToken() == JsonToken.START_ARRAY; id++) {
        json.nextToken();
        maxId = Math.max(maxId, id);
        vocabularyEntry(json.getString(), id);
        while (json.nextToken() != JsonToken.END_ARRAY) {
          json.skipChildren();
        }
      }
    }

    void vocabularyEntry(String token, int id) {
      // In a byte-level vocabulary every character stands for a byte.
      length(id, token.length());
      if (wanted.contains(token)) {
        found.put(token, id);
      }
      if (token.length() == 6 && token.startsWith("<0x") && token.endsWith(">")) {
        bytes.set(id);
      }
    }

    int id(JsonParser json) {
      if (json.currentToken() != JsonToken.VALUE_NUMBER_INT
          || json.getNumberType() != JsonParser.NumberType.INT
          || json.getIntValue() < 0
          || json.getIntValue() > MAX_ID) {
        throw wrong(
            "line "
                + json.currentTokenLocation().getLineNr()
                + " has a token id that is not an integer from 0 to "
                + MAX_ID);
      }
      maxId = Math.max(maxId, json.getIntValue());
      return json.getIntValue();
    }

    DataException wrong(String what) {
      return new DataException(
          file + " is not a usable tokenizer.json: " + what + ". Download the file again.");
    }
  }
}
