package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.Message;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A model behind HTTP. */
public interface Endpoint extends AutoCloseable {

  /**
   * What came back.
   *
   * @param cut whether the text ended at its longest
   */
  record Completion(
      String text,
      OptionalLong inputTokens,
      OptionalLong outputTokens,
      String model,
      boolean cut) {}

  /**
   * Asks.
   *
   * @throws Refusal where no answer came, after all tries
   */
  Completion complete(List<Message> messages);

  /** Everything that an answer depends on besides the messages, for the cache's keys. */
  Map<String, Object> settings();

  /** The address, for people. */
  String address();

  /** Whether requests may cost money: the address is not this machine's own. */
  default boolean isPaid() {
    String host = Optional.ofNullable(java.net.URI.create(address()).getHost()).orElse("");
    return !host.equals("localhost") && !host.startsWith("127.") && !host.equals("[::1]");
  }

  @Override
  void close();

  /** No answer; the message says why and, where something can be done, what. */
  final class Refusal extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final boolean forAll;

    /**
     * @param forAll whether every other request would fail in the same way
     */
    Refusal(String message, boolean forAll, @Nullable Throwable cause) {
      super(message, cause);
      this.forAll = forAll;
    }

    boolean isForAll() {
      return forAll;
    }

    /** What an HTTP status means. */
    static Refusal ofStatus(
        int status, String address, String keyVariable, String model, Throwable e) {
      return switch (status) {
        case 401, 403 ->
            new Refusal(
                "HTTP %d: %s refuses the key in %s".formatted(status, address, keyVariable),
                true,
                e);
        case 404 ->
            new Refusal(
                "HTTP 404: %s knows no model '%s', or is not the address of the API"
                    .formatted(address, model),
                true,
                e);
        case 402 -> new Refusal("HTTP 402: %s wants to be paid".formatted(address), true, e);
        case 429 -> new Refusal("HTTP 429: too many requests, after all retries", false, e);
        default -> new Refusal("HTTP %d from %s".formatted(status, address), false, e);
      };
    }

    /** A connection that was not made, was lost, or took too long. */
    static Refusal ofConnection(String address, Throwable e) {
      return ofConnection(address, e, false);
    }

    /** A body that is not what was asked for, unless the connection broke off in the middle. */
    static Refusal ofBody(String address, Throwable e) {
      return ofConnection(address, e, true);
    }

    private static Refusal ofConnection(String address, Throwable e, boolean body) {
      List<Throwable> causes =
          java.util.stream.Stream.iterate(e, it -> it != null, Throwable::getCause).toList();
      boolean late = causes.stream().anyMatch(java.io.InterruptedIOException.class::isInstance);
      Throwable root = causes.getLast();
      String what =
          switch (root) {
            case java.net.ConnectException _ -> "nobody answers";
            case java.net.UnknownHostException _ -> "there is no such host";
            // A call that took too long is cancelled, and that is what its end then looks like.
            case java.io.IOException _ when late -> "no answer in time";
            case java.net.ProtocolException _ -> "the answer broke off";
            case java.io.EOFException _ -> "the answer broke off";
            case java.io.IOException _ when body -> "the answer cannot be read";
            case java.io.IOException _ -> "the connection was lost";
            default -> "the answer cannot be read";
          };
      return new Refusal(what + " at " + address, false, e);
    }
  }
}
