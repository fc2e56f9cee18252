package dev.graft.modelio.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/**
 * A hub on the loopback interface that answers as the real one does: its API, its redirects of
 * large files to another store (another port here), its headers; and misbehaves on demand.
 */
final class FakeHub implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  final List<String> requests = new CopyOnWriteArrayList<>();
  final Map<String, Integer> cutAfter = new HashMap<>();
  final Map<String, Integer> failures = new HashMap<>();
  String requiredToken = "";
  boolean corrupt;
  boolean knowsRanges = true;
  boolean tokenSeenAtStore;

  private final HttpServer hub = server();
  private final HttpServer store = server();
  private final Map<String, byte[]> files = new HashMap<>();

  FakeHub(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        files.put(entry.getFileName().toString(), Files.readAllBytes(entry));
      }
    }
    hub.createContext("/", exchange -> guarded(exchange, this::answerAsHub));
    store.createContext("/", exchange -> guarded(exchange, this::answerAsStore));
    hub.start();
    store.start();
  }

  private static HttpServer server() {
    try {
      return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  URI endpoint() {
    return uri(hub);
  }

  private static URI uri(HttpServer server) {
    InetSocketAddress address = server.getAddress();
    return URI.create("http://127.0.0.1:" + address.getPort());
  }

  void put(String name, byte[] content) {
    files.put(name, content);
  }

  void remove(String name) {
    files.remove(name);
  }

  private interface Handler {
    void handle(HttpExchange exchange) throws Exception;
  }

  private static void guarded(HttpExchange exchange, Handler handler) throws IOException {
    try (exchange) {
      handler.handle(exchange);
    } catch (IOException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e);
    }
  }

  private void answerAsHub(HttpExchange exchange) throws Exception {
    String path = exchange.getRequestURI().getRawPath();
    requests.add(path);
    String token = exchange.getRequestHeaders().getFirst("Authorization");
    if (!requiredToken.isEmpty() && !("Bearer " + requiredToken).equals(token)) {
      exchange.getResponseHeaders().set("X-Error-Code", "GatedRepo");
      exchange.sendResponseHeaders(401, -1);
    } else if (path.equals("/api/models/org/name/revision/main")
        || path.equals("/api/models/org/name/revision/refs%2Fpr%2F1")
        || path.equals("/api/models/org/name/revision/" + COMMIT)) {
      send(exchange, 200, list().getBytes(StandardCharsets.UTF_8));
    } else if (path.startsWith("/api/models/org/name/")) {
      exchange.getResponseHeaders().set("X-Error-Code", "RevisionNotFound");
      exchange.sendResponseHeaders(404, -1);
    } else if (path.startsWith("/org/name/resolve/" + COMMIT + "/")) {
      answerForFile(exchange, path.substring(path.lastIndexOf('/') + 1));
    } else {
      exchange.getResponseHeaders().set("X-Error-Code", "RepoNotFound");
      exchange.sendResponseHeaders(401, -1);
    }
  }

  private String list() {
    List<String> siblings = new ArrayList<>();
    files.forEach((name, content) ->
        siblings.add("{\"rfilename\":\"%s\",\"size\":%d}".formatted(name, content.length)));
    siblings.add("{\"rfilename\":\"original/params.json\",\"size\":3}");
    siblings.add("{\"rfilename\":\"../../evil\",\"size\":3}");
    return "{\"id\":\"org/name\",\"sha\":\"%s\",\"siblings\":[%s]}"
        .formatted(COMMIT, String.join(",", siblings));
  }

  private void answerForFile(HttpExchange exchange, String name) throws Exception {
    int left = failures.getOrDefault(name, 0);
    if (left > 0) {
      failures.put(name, left - 1);
      exchange.sendResponseHeaders(503, -1);
      return;
    }
    byte[] content = files.get(name);
    if (content == null) {
      exchange.sendResponseHeaders(404, -1);
    } else if (name.endsWith(".safetensors")) {
      String hash = hash("SHA-256", content);
      exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + hash + "\"");
      exchange.getResponseHeaders().set("X-Linked-Size", "" + content.length);
      exchange.getResponseHeaders().set("Location", uri(store) + "/" + name);
      exchange.sendResponseHeaders(302, -1);
    } else {
      byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("ETag", "\"" + hash("SHA-1", header, content) + "\"");
      send(exchange, 200, content);
    }
  }

  private void answerAsStore(HttpExchange exchange) throws Exception {
    String name = exchange.getRequestURI().getPath().substring(1);
    String range = exchange.getRequestHeaders().getFirst("Range");
    requests.add("store:" + name + (range == null ? "" : " " + range));
    tokenSeenAtStore |= exchange.getRequestHeaders().containsKey("Authorization");
    byte[] content = Objects.requireNonNull(files.get(name)).clone();
    if (corrupt) {
      content[content.length / 2] ^= 1;
    }
    int from = range == null || !knowsRanges ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
    if (from >= content.length) {
      exchange.sendResponseHeaders(416, -1);
      return;
    }
    exchange.getResponseHeaders().set("ETag", "\"of-the-store\"");
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
    Integer cut = cutAfter.remove(name);
    OutputStream body = exchange.getResponseBody();
    body.write(content, from, cut == null ? content.length - from : cut);
    body.flush();
  }

  private static void send(HttpExchange exchange, int status, byte[] content) throws IOException {
    exchange.sendResponseHeaders(status, content.length == 0 ? -1 : content.length);
    exchange.getResponseBody().write(content);
  }

  static String hash(String algorithm, byte[]... parts) throws Exception {
    MessageDigest digest = MessageDigest.getInstance(algorithm);
    for (byte[] part : parts) {
      digest.update(part);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  @Override
  public void close() {
    hub.stop(0);
    store.stop(0);
  }
}
