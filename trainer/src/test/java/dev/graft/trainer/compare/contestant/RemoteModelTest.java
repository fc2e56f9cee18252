package dev.graft.trainer.compare.contestant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.Message;
import dev.graft.trainer.compare.ChatServer;
import dev.graft.trainer.compare.ChatServer.Behaviour;
import dev.graft.trainer.compare.ChatServer.Seen;
import dev.graft.trainer.compare.config.ContestantConfig;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The makers' clients against a real server on loopback. */
class RemoteModelTest {

  @TempDir Path cache;

  private static List<Example> examples(int count) {
    return IntStream.range(0, count)
        .mapToObj(i ->
            new Example(
                "e" + i,
                List.of(Message.system("Be brief."), Message.human("Question " + i)),
                "answer " + i))
        .toList();
  }

  private RemoteModel model(String api, String address, int retries, int timeout) {
    Endpoint endpoint =
        api.equals("claude")
            ? new ClaudeEndpoint(
                new ContestantConfig.Claude(
                    "some-model",
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    100,
                    OptionalDouble.of(0.5),
                    "SOME_KEY",
                    Optional.of(address),
                    2,
                    retries,
                    timeout,
                    Optional.of(cache)),
                "secret-key")
            : new OpenAiEndpoint(
                new ContestantConfig.OpenaiCompatible(
                    address + "/v1",
                    "some-model",
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    100,
                    OptionalDouble.of(0.5),
                    "SOME_KEY",
                    2,
                    retries,
                    timeout,
                    Optional.of(cache)),
                "secret-key");
    return new RemoteModel(
        endpoint, new Prompting(Optional.empty(), List.of()), new AnswerCache(cache), 2);
  }

  private static List<Reply> ask(RemoteModel model, List<Example> examples) {
    var replies = new ArrayList<Reply>();
    model.answer(examples, replies::add, () -> false);
    replies.sort(Comparator.comparing(Reply::id));
    return replies;
  }

  private static String question(Seen request) {
    List<String> texts = new ArrayList<>();
    request.body().path("messages").forEach(it -> texts.add(it.path("content").asString("")));
    return texts.getLast();
  }

  @ParameterizedTest
  @ValueSource(strings = {"claude", "openai"})
  void asksOnceAndKeepsTheAnswer(String api) throws IOException {
    try (var server = new ChatServer(request -> new Behaviour.Says("to " + question(request)));
        RemoteModel model = model(api, server.address(), 0, 10)) {
      assertThat(model.endpoint().isPaid()).isFalse();
      assertThat(model.estimate(examples(3)).requests()).isEqualTo(3);

      List<Reply> replies = ask(model, examples(3));

      assertThat(replies)
          .extracting(it -> it.answer().orElseThrow())
          .containsExactly("to Question 0", "to Question 1", "to Question 2");
      assertThat(replies.getFirst().inputTokens()).hasValue(11);
      assertThat(replies.getFirst().outputTokens()).hasValue(7);
      assertThat(replies.getFirst().model()).contains("some-model");
      assertThat(replies.getFirst().latencyMs().orElseThrow()).isPositive();
      Seen request = server.seen.getFirst();
      assertThat(request.body().path("model").asString()).isEqualTo("some-model");
      assertThat(request.body().path("max_tokens").asInt()).isEqualTo(100);
      assertThat(request.body().path("temperature").asDouble()).isEqualTo(0.5);
      assertThat(request.body().toString()).contains("Be brief.");
      assertThat(request.headers().toString()).contains("secret-key");

      assertThat(ask(model, examples(3))).isEqualTo(replies);
      assertThat(server.seen).hasSize(3);
      assertThat(model.estimate(examples(4)).requests()).isEqualTo(1);
    }
    // The key is nowhere on disk.
    try (var files = java.nio.file.Files.walk(cache)) {
      for (Path file :
          (Iterable<Path>) files.filter(java.nio.file.Files::isRegularFile)::iterator) {
        assertThat(file).content().doesNotContain("secret-key");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"claude", "openai"})
  void aRefusedKeyIsSaidOnce(String api) throws IOException {
    try (var server = new ChatServer(_ -> new Behaviour.Fails(401));
        RemoteModel model = model(api, server.address(), 2, 10)) {
      List<Reply> replies = ask(model, examples(20));

      assertThat(replies).allMatch(it -> it.answer().isEmpty());
      assertThat(replies)
          .anySatisfy(it ->
              assertThat(it.error().orElseThrow())
                  .isEqualTo(
                      "HTTP 401: %s refuses the key in SOME_KEY"
                          .formatted(model.endpoint().address())));
      // Two at a time were on their way.
      assertThat(server.seen).hasSizeLessThanOrEqualTo(3);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"claude", "openai"})
  void tooManyRequestsAreTriedAgain(String api) throws IOException {
    var count = new AtomicInteger();
    try (var server =
            new ChatServer(_ ->
                count.incrementAndGet() <= 1
                    ? new Behaviour.Fails(429)
                    : new Behaviour.Says("ok"));
        RemoteModel model = model(api, server.address(), 2, 10)) {
      assertThat(ask(model, examples(1)).getFirst().answer()).contains("ok");
      assertThat(server.seen).hasSize(2);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"claude", "openai"})
  void failuresAreCountedAndNotAnswers(String api) throws IOException {
    Function<Seen, Behaviour> behaviour =
        request ->
            switch (question(request)) {
              case "Question 0" -> new Behaviour.Fails(500);
              case "Question 1" -> new Behaviour.Says("fine");
              case "Question 2" -> new Behaviour.BreaksOff();
              case "Question 3" -> new Behaviour.Says("fine, too");
              case "Question 4" -> new Behaviour.Sleeps(3000);
              case "Question 5" -> new Behaviour.Babbles();
              default -> new Behaviour.Fails(429);
            };
    try (var server = new ChatServer(behaviour);
        RemoteModel model = model(api, server.address(), 0, 1)) {
      List<Reply> replies = ask(model, examples(7));

      String address = model.endpoint().address();
      assertThat(replies.get(0).error()).contains("HTTP 500 from " + address);
      assertThat(replies.get(1).answer()).contains("fine");
      assertThat(replies.get(2).error().orElseThrow()).contains("broke off", address);
      assertThat(replies.get(3).answer()).contains("fine, too");
      assertThat(replies.get(4).error()).contains("no answer in time at " + address);
      assertThat(replies.get(5).error().orElseThrow()).contains("cannot be read", address);
      assertThat(replies.get(6).error()).contains("HTTP 429: too many requests, after all retries");
      assertThat(replies).allMatch(it -> it.answer().isPresent() != it.error().isPresent());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"claude", "openai"})
  void nobodyThereIsGivenUp(String api) throws IOException {
    int port;
    try (var socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    try (RemoteModel model = model(api, "http://127.0.0.1:" + port, 0, 2)) {
      List<Reply> replies = ask(model, examples(12));

      assertThat(replies).hasSize(12).allMatch(it -> it.answer().isEmpty());
      assertThat(replies.getFirst().error().orElseThrow()).contains("nobody answers at");
      assertThat(replies.getLast().error().orElseThrow()).startsWith("not asked: nobody answers");
    }
  }

  @Test
  void whatCostsMoneyIsKnownByItsAddress() {
    try (RemoteModel own = model("openai", "http://localhost:1", 0, 1);
        RemoteModel other = model("claude", "https://example.invalid", 0, 1)) {
      assertThat(own.endpoint().isPaid()).isFalse();
      assertThat(other.endpoint().isPaid()).isTrue();
    }
  }
}
