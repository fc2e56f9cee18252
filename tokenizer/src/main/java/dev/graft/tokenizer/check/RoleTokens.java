package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.MarkedText;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Tokens by role. The contents of the first {@value #COUNTED} conversations are encoded once more,
 * each for itself; for the rest the characters are counted and multiplied by the rate found there.
 */
final class RoleTokens {
  private static final int COUNTED = 256;

  private final long[] sampleCharacters = new long[Role.values().length];
  private final long[] sampleTokens = new long[Role.values().length];
  private int sampled;

  /** Looks at conversations as long as it wants any. */
  void add(Tokenizer tokenizer, List<Conversation> conversations) {
    List<MarkedText> texts = new ArrayList<>();
    List<Role> roles = new ArrayList<>();
    for (Conversation conversation : conversations) {
      if (sampled < COUNTED) {
        sampled++;
        for (Message message : conversation.messages()) {
          texts.add(MarkedText.allLiteral(message.content()));
          roles.add(message.role());
        }
      }
    }
    if (texts.isEmpty()) {
      return;
    }
    List<int[]> ids = tokenizer.encodeAll(texts);
    for (int i = 0; i < ids.size(); i++) {
      int role = roles.get(i).ordinal();
      sampleTokens[role] += ids.get(i).length;
      sampleCharacters[role] += texts.get(i).text().length();
    }
  }

  /**
   * Tokens of each role's contents, and of the chat template's markup around them.
   *
   * @param characters by role's ordinal, of all conversations
   * @param tokens of all conversations
   */
  Map<String, Long> byRole(long[] characters, long tokens) {
    Map<String, Long> byRole = new LinkedHashMap<>();
    long rest = tokens;
    for (Role role : Role.values()) {
      int i = role.ordinal();
      if (sampleCharacters[i] > 0) {
        double rate = sampleTokens[i] / (double) sampleCharacters[i];
        long count = Math.min(rest, Math.round(rate * characters[i]));
        byRole.put(role.dataName(), count);
        rest -= count;
      }
    }
    if (!byRole.isEmpty()) {
      byRole.put("markup", rest);
    }
    return byRole;
  }
}
