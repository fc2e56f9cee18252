package dev.graft.modelio.hub;

import dev.graft.modelio.ModelIoException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model on the hub: {@code hf://org/name}, {@code hf://org/name@revision} or, as DJL writes
 * arguments, {@code hf://org/name?revision=…}.
 *
 * @param id {@code org/name}, or {@code name} alone for the hub's oldest models
 * @param revision a branch, a tag or a commit; {@code main} unless given
 */
public record HubAddress(String id, String revision) {
  /** What such addresses begin with. */
  public static final String SCHEME = "hf://";

  // The hub's own rule for names; it leaves no room for paths that lead elsewhere.
  private static final String PART = "[A-Za-z0-9_][A-Za-z0-9._-]{0,95}";
  private static final Pattern ID = Pattern.compile(PART + "(/" + PART + ")?");
  private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._/-]{0,254}");
  private static final Pattern ADDRESS =
      Pattern.compile(
          "hf://(?<id>[^?@]*)(@(?<at>[^?]*))?(\\?(.*&)?revision=(?<query>[^&]*).*)?(\\?.*)?");

  public HubAddress {
    if (!ID.matcher(id).matches() || id.contains("..") || id.contains("--")) {
      throw new ModelIoException(
          "\"" + id + "\" is not the name of a model on the hub; hf://org/name is expected.");
    }
    if (!REVISION.matcher(revision).matches() || revision.contains("..")) {
      throw new ModelIoException("\"" + revision + "\" is not the name of a revision on the hub.");
    }
  }

  /** Whether this is an address of the hub, well-formed or not. */
  public static boolean isHubAddress(String address) {
    return address.startsWith(SCHEME);
  }

  /**
   * Takes an address apart.
   *
   * @throws ModelIoException if it is not well-formed
   */
  public static HubAddress parse(String address) {
    Matcher matcher = ADDRESS.matcher(address);
    if (!matcher.matches()) {
      throw new ModelIoException(address + " is not an address like hf://org/name.");
    }
    String at = matcher.group("at");
    String query = matcher.group("query");
    String id = matcher.group("id").replaceAll("/+$", "");
    return new HubAddress(id, at != null ? at : query != null ? query : "main");
  }

  /** Whether the revision is a full commit hash, which never moves. */
  boolean isCommit() {
    return revision.matches("[0-9a-f]{40}");
  }

  /** The folder's name in a Hugging Face cache. */
  String cacheFolder() {
    return "models--" + id.replace("/", "--");
  }

  @Override
  public String toString() {
    return SCHEME + id + (revision.equals("main") ? "" : "@" + revision);
  }
}
