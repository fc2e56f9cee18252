package dev.graft.modelio;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The keys of one JSON object in a configuration file, read with their types, and errors that name
 * file and key. Keeps account of which keys were asked for, so that the rest can be reported.
 */
public final class ConfigKeys {
  private static final int BRIEF = 80;

  private final Path file;
  private final JsonNode object;
  private final String path;
  private final Set<String> used = new HashSet<>();

  /**
   * Keys of an object.
   *
   * @param path where in the file the object is, ending in a dot; empty for the file's own object
   */
  public ConfigKeys(Path file, JsonNode object, String path) {
    this.file = file;
    this.object = object;
    this.path = path;
  }

  /** Whether the key is there, null or not. */
  public boolean has(String key) {
    used.add(key);
    return object.has(key);
  }

  /** The key's value; null where it is absent or null. */
  public @Nullable JsonNode value(String key) {
    used.add(key);
    JsonNode node = object.get(key);
    return node == null || node.isNull() ? null : node;
  }

  /** An integer of 32 bits, or {@code whenAbsent}; without one of them, the key is required. */
  public int integer(String key, @Nullable Integer whenAbsent) {
    JsonNode node = value(key);
    if (node == null && whenAbsent != null) {
      return whenAbsent;
    }
    return asInteger(key, node);
  }

  /** The value of a key as an integer of 32 bits. */
  public int asInteger(String key, @Nullable JsonNode node) {
    if (node == null || !node.isIntegralNumber() || !node.canConvertToInt()) {
      throw unexpected(key, node, "an integer");
    }
    return node.intValue();
  }

  /** A finite number, or {@code whenAbsent}; without one of them, the key is required. */
  public double number(String key, @Nullable Double whenAbsent) {
    JsonNode node = value(key);
    if (node == null && whenAbsent != null) {
      return whenAbsent;
    }
    return asNumber(key, node);
  }

  /** The value of a key as a finite number. */
  public double asNumber(String key, @Nullable JsonNode node) {
    if (node == null || !node.isNumber() || !Double.isFinite(node.doubleValue())) {
      throw unexpected(key, node, "a number");
    }
    return node.doubleValue();
  }

  /** True or false. */
  public boolean flag(String key, boolean whenAbsent) {
    JsonNode node = value(key);
    if (node == null) {
      return whenAbsent;
    }
    if (!node.isBoolean()) {
      throw unexpected(key, node, "true or false");
    }
    return node.booleanValue();
  }

  /** The keys that are there and nobody has asked for, in the file's order. */
  public List<String> unused() {
    return object.propertyNames().stream().filter(key -> !used.contains(key)).toList();
  }

  /** The error that a key's value is not what it should be. */
  public ModelIoException unexpected(String key, @Nullable JsonNode found, String expected) {
    return refusal("%s is %s; %s is expected.".formatted(key, brief(found), expected));
  }

  /**
   * An error about this file.
   *
   * @param what begins with the key
   */
  public ModelIoException refusal(String what) {
    return new ModelIoException(file + ": " + path + what);
  }

  /** A value as it stands in the file, cut where it is long. */
  public static String brief(@Nullable JsonNode node) {
    if (node == null || node.isMissingNode()) {
      return "missing";
    }
    String text = node.toString();
    return text.length() <= BRIEF ? text : text.substring(0, BRIEF) + "…";
  }
}
