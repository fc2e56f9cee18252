package dev.graft.trainer.report;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A headless browser that opens a page and tells what a person would see and what the page's
 * programs complain of, through the DevTools protocol.
 */
public final class Chromium implements AutoCloseable {

  private static final List<String> NAMES =
      List.of(
          "chromium",
          "chromium-browser",
          "google-chrome",
          "google-chrome-stable",
          "chrome",
          "microsoft-edge");

  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Process process;
  private final Path profile;
  private final HttpClient client = HttpClient.newHttpClient();
  private final WebSocket socket;
  private final LinkedBlockingQueue<JsonNode> messages = new LinkedBlockingQueue<>();
  private final List<String> complaints = new ArrayList<>();
  private final List<String> requests = new ArrayList<>();
  private int lastId;

  /** A browser's program, if this machine has one under a usual name. */
  public static Optional<Path> find() {
    return NAMES.stream()
        .flatMap(name ->
            Stream.of(System.getenv("PATH").split(java.io.File.pathSeparator))
                .map(folder -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * Starts one.
   *
   * @param profile an empty folder for what it keeps
   */
  public static Chromium start(Path program, Path profile)
      throws IOException, InterruptedException {
    Files.createDirectories(profile);
    Process process =
        new ProcessBuilder(
                program.toString(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      int port = port(process, profile.resolve("DevToolsActivePort"));
      return new Chromium(process, profile, port);
    } catch (IOException | InterruptedException | RuntimeException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private static int port(Process process, Path file) throws IOException, InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end && process.isAlive()) {
      if (Files.exists(file) && Files.readAllLines(file).size() >= 2) {
        return Integer.parseInt(Files.readAllLines(file).getFirst());
      }
      Thread.sleep(20);
    }
    throw new IOException("the browser did not start");
  }

  private Chromium(Process process, Path profile, int port)
      throws IOException, InterruptedException {
    this.process = process;
    this.profile = profile;
    this.socket =
        client
            .newWebSocketBuilder()
            .connectTimeout(PATIENCE)
            .buildAsync(URI.create(tab(port)), new Listener())
            .join();
    for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
      call(domain + ".enable", Map.of());
    }
  }

  private String tab(int port) throws IOException, InterruptedException {
    var request =
        java.net.http.HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/json/list"))
            .build();
    String body = client.send(request, java.net.http.HttpResponse.BodyHandlers.ofString()).body();
    for (JsonNode target : JsonMapper.shared().readTree(body)) {
      if (target.path("type").asString("").equals("page")) {
        return target.required("webSocketDebuggerUrl").asString();
      }
    }
    throw new IOException("the browser has no tab: " + body);
  }

  /** Collects messages, which may come in parts. */
  private final class Listener implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
      text.append(part);
      if (last) {
        messages.add(JsonMapper.shared().readTree(text.toString()));
        text.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  private JsonNode call(String method, Map<String, ?> parameters) throws InterruptedException {
    int id = ++lastId;
    String text =
        JsonMapper.shared()
            .writeValueAsString(Map.of("id", id, "method", method, "params", parameters));
    socket.sendText(text, true).join();
    while (true) {
      JsonNode message = next();
      if (message.path("id").asInt(0) == id) {
        if (message.has("error")) {
          throw new IllegalStateException(method + ": " + message.get("error"));
        }
        return message.path("result");
      }
    }
  }

  /** The next message; what it says of the page is remembered. */
  private JsonNode next() throws InterruptedException {
    JsonNode message = messages.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    if (message == null) {
      throw new IllegalStateException("the browser does not answer");
    }
    JsonNode of = message.path("params");
    switch (message.path("method").asString("")) {
      case "Runtime.exceptionThrown" -> complaints.add(of.path("exceptionDetails").toString());
      case "Runtime.consoleAPICalled" -> complaints.add(of.path("args").toString());
      case "Log.entryAdded" -> complaints.add(of.path("entry").toString());
      case "Network.requestWillBeSent" -> requests.add(of.path("request").path("url").asString(""));
      default -> {}
    }
    return message;
  }

  /**
   * Opens a page, and waits until it has been drawn.
   *
   * @param width of the window, in CSS pixels
   * @param dark whether the person prefers dark pages
   */
  public void open(Path page, int width, boolean dark) throws InterruptedException {
    call(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", width < 600));
    call(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
    complaints.clear();
    requests.clear();
    call("Page.navigate", Map.of("url", page.toAbsolutePath().toUri().toString()));
    while (!next().path("method").asString("").equals("Page.loadEventFired")) {}
    // Two frames later, everything that follows from the first layout has been drawn, too.
    evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
  }

  /** The value of an expression in the page; of a promise, what it comes to. */
  public JsonNode evaluate(String expression) throws InterruptedException {
    JsonNode result =
        call(
            "Runtime.evaluate",
            Map.of("expression", expression, "awaitPromise", true, "returnByValue", true));
    if (result.has("exceptionDetails")) {
      throw new IllegalStateException(expression + ": " + result.get("exceptionDetails"));
    }
    return result.path("result").path("value");
  }

  /** What the page has written to the console so far, errors and everything else. */
  public List<String> complaints() {
    return List.copyOf(complaints);
  }

  /** What was fetched for the page, itself included. */
  public List<String> requests() {
    return List.copyOf(requests);
  }

  /** The whole page as PNG. */
  public byte[] screenshot() throws InterruptedException {
    JsonNode picture =
        call("Page.captureScreenshot", Map.of("captureBeyondViewport", true, "format", "png"));
    return Base64.getDecoder().decode(picture.path("data").asString());
  }

  @Override
  public void close() throws InterruptedException, IOException {
    socket.abort();
    client.close();
    process.destroy();
    if (!process.waitFor(10, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
    // Links to places outside of the profile, which nobody should follow when deleting it.
    for (String link : List.of("SingletonLock", "SingletonSocket", "SingletonCookie")) {
      Files.deleteIfExists(profile.resolve(link));
    }
  }
}
