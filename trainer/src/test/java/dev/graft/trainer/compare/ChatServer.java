package dev.graft.trainer.compare;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A real HTTP server on loopback that speaks Anthropic's messages and OpenAI's chat completions, as
 * well or as badly as a test wants.
 */
public final class ChatServer implements AutoCloseable {

  /** What a server does to a request. */
  public sealed interface Behaviour {
    /** Answers with a text. */
    record Says(String text) implements Behaviour {}

    /** Answers with a status and an error. */
    record Fails(int status) implements Behaviour {}

    /** Does not answer for so long. */
    record Sleeps(long millis) implements Behaviour {}

    /** Promises a whole body, sends half of it and hangs up. */
    record BreaksOff() implements Behaviour {}

    /** Sends what is not JSON. */
    record Babbles() implements Behaviour {}
  }

  /** A request as it came. */
  public record Seen(String path, Map<String, List<String>> headers, JsonNode body) {}

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Function<Seen, Behaviour> behaviour;
  public final List<Seen> seen = new CopyOnWriteArrayList<>();

  public ChatServer(Function<Seen, Behaviour> behaviour) throws IOException {
    this.behaviour = behaviour;
    this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.setExecutor(threads);
    server.start();
  }

  /** Where it listens. */
  public String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  private void handle(HttpExchange exchange) throws IOException {
    JsonNode body = JsonMapper.shared().readTree(exchange.getRequestBody().readAllBytes());
    var request = new Seen(exchange.getRequestURI().getPath(), exchange.getRequestHeaders(), body);
    seen.add(request);
    switch (behaviour.apply(request)) {
      case Behaviour.Says(String text) -> send(exchange, 200, answer(request, text));
      case Behaviour.Fails(int status) ->
          send(
              exchange,
              status,
              "{\"type\":\"error\",\"error\":{\"type\":\"some_error\",\"message\":\"no\"}}");
      case Behaviour.Sleeps(long millis) -> {
        try {
          Thread.sleep(millis);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
        send(exchange, 200, answer(request, "late"));
      }
      case Behaviour.BreaksOff _ -> {
        byte[] whole = answer(request, "half of it").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("content-type", "application/json");
        exchange.sendResponseHeaders(200, whole.length);
        exchange.getResponseBody().write(whole, 0, whole.length / 2);
        exchange.getResponseBody().flush();
        exchange.close();
      }
      case Behaviour.Babbles _ -> send(exchange, 200, "<html>It works!</html>");
    }
  }

  private static String answer(Seen request, String text) {
    boolean claude = request.path().endsWith("/messages");
    Map<String, Object> body =
        claude
            ? Map.of(
                "id", "msg_1",
                "type", "message",
                "role", "assistant",
                "model", request.body().path("model").asString("m"),
                "content", List.of(Map.of("type", "text", "text", text)),
                "stop_reason", "end_turn",
                "usage", Map.of("input_tokens", 11, "output_tokens", 7))
            : Map.of(
                "id",
                "c1",
                "object",
                "chat.completion",
                "created",
                1,
                "model",
                request.body().path("model").asString("m"),
                "choices",
                List.of(
                    Map.of(
                        "index",
                        0,
                        "finish_reason",
                        "stop",
                        "message",
                        Map.of("role", "assistant", "content", text))),
                "usage",
                Map.of("prompt_tokens", 11, "completion_tokens", 7, "total_tokens", 18));
    return JsonMapper.shared().writeValueAsString(body);
  }

  private static void send(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("content-type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
