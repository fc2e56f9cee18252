package dev.graft.modelio.hub;

import dev.graft.modelio.ModelIoException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where the hub and its cache are, as the environment says to all Hugging Face tools alike.
 *
 * @param cache {@code HF_HUB_CACHE}, or {@code hub} in {@code HF_HOME}, or {@code
 *     ~/.cache/huggingface/hub}
 * @param endpoint {@code HF_ENDPOINT}, or the public hub
 * @param token {@code HF_TOKEN}, or what {@code huggingface-cli login} stored; for private and
 *     gated models
 * @param offline whether {@code HF_HUB_OFFLINE} or {@code TRANSFORMERS_OFFLINE} forbids connections
 */
public record HubSettings(Path cache, URI endpoint, @Nullable String token, boolean offline) {
  private static final String PUBLIC_HUB = "https://huggingface.co";
  private static final Set<String> YES = Set.of("1", "true", "yes", "on");

  /** The settings of this process. */
  public static HubSettings ofEnvironment() {
    return of(System.getenv(), Path.of(System.getProperty("user.home", ".")));
  }

  /** The settings that these variables give in this home folder. */
  public static HubSettings of(Map<String, String> environment, Path home) {
    String xdg = environment.get("XDG_CACHE_HOME");
    Path cacheHome = xdg == null || xdg.isEmpty() ? home.resolve(".cache") : expand(xdg, home);
    Path hfHome = path(environment, "HF_HOME", home, cacheHome.resolve("huggingface"));
    Path older = path(environment, "HUGGINGFACE_HUB_CACHE", home, hfHome.resolve("hub"));
    Path cache = path(environment, "HF_HUB_CACHE", home, older);
    return new HubSettings(
        cache,
        endpoint(environment.getOrDefault("HF_ENDPOINT", "")),
        token(environment, path(environment, "HF_TOKEN_PATH", home, hfHome.resolve("token"))),
        isYes(environment, "HF_HUB_OFFLINE") || isYes(environment, "TRANSFORMERS_OFFLINE"));
  }

  private static URI endpoint(String text) {
    String bare = (text.isBlank() ? PUBLIC_HUB : text.strip()).replaceAll("/+$", "");
    if (!bare.matches("https?://[^/?#]+(/[^?#]*)?")) {
      throw new ModelIoException("HF_ENDPOINT is " + text + "; an address like https://host fits.");
    }
    return URI.create(bare);
  }

  private static @Nullable String token(Map<String, String> environment, Path file) {
    String token = environment.getOrDefault("HF_TOKEN", "").strip();
    if (token.isEmpty()) {
      token = environment.getOrDefault("HUGGING_FACE_HUB_TOKEN", "").strip();
    }
    if (token.isEmpty() && Files.isRegularFile(file)) {
      try {
        token = Files.readString(file).strip();
      } catch (IOException e) {
        throw new ModelIoException(file + " cannot be read: " + e.getMessage() + ".", e);
      }
    }
    return token.isEmpty() ? null : token;
  }

  private static boolean isYes(Map<String, String> environment, String key) {
    return YES.contains(environment.getOrDefault(key, "").strip().toLowerCase(Locale.ROOT));
  }

  private static Path path(
      Map<String, String> environment, String key, Path home, Path whenAbsent) {
    String value = environment.getOrDefault(key, "");
    return value.isEmpty() ? whenAbsent : expand(value, home);
  }

  private static Path expand(String path, Path home) {
    return path.startsWith("~/") ? home.resolve(path.substring(2)) : Path.of(path);
  }

  /** Without the token, which must not get into a log. */
  @Override
  public String toString() {
    return "HubSettings[cache=%s, endpoint=%s, token=%s, offline=%s]"
        .formatted(cache, endpoint, token == null ? "none" : "(set)", offline);
  }
}
