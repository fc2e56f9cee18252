package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.Message;
import dev.graft.trainer.compare.contestant.AnswerCache.Cached;
import dev.graft.trainer.compare.contestant.Endpoint.Completion;
import dev.graft.trainer.compare.contestant.Endpoint.Refusal;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A model behind an endpoint, asked by several threads, each request once and for all. */
public final class RemoteModel implements Contestant {

  /** After so many failures without one answer between, nobody else is asked. */
  private static final int FAILURES_IN_A_ROW = 5;

  private final Endpoint endpoint;
  private final Prompting prompting;
  private final AnswerCache cache;
  private final int concurrency;

  /**
   * @param endpoint closed with this
   * @param concurrency requests at a time
   */
  public RemoteModel(Endpoint endpoint, Prompting prompting, AnswerCache cache, int concurrency) {
    this.endpoint = endpoint;
    this.prompting = prompting;
    this.cache = cache;
    this.concurrency = concurrency;
  }

  /** The endpoint that is asked. */
  public Endpoint endpoint() {
    return endpoint;
  }

  /**
   * What asking would take.
   *
   * @param requests that no cache answers
   * @param inputTokens of them, estimated at 4 characters a token, as is usual for English
   * @param outputTokens of them, estimated from the references in the same way
   */
  public record Estimate(int requests, long inputTokens, long outputTokens) {

    /** What no request takes. */
    public static final Estimate NONE = new Estimate(0, 0, 0);

    /** Both together. */
    public Estimate plus(Estimate other) {
      return new Estimate(
          requests + other.requests,
          inputTokens + other.inputTokens,
          outputTokens + other.outputTokens);
    }

    /** This and a request. */
    Estimate plus(List<Message> messages, long outputTokens) {
      long input = messages.stream().mapToLong(it -> it.content().length() / 4 + 4).sum();
      return new Estimate(requests + 1, inputTokens + input, this.outputTokens + outputTokens);
    }
  }

  /** Estimates what asking these examples would take. */
  public Estimate estimate(List<Example> examples) {
    Estimate sum = Estimate.NONE;
    for (Example example : examples) {
      List<Message> messages = prompting.messages(example);
      if (!isKnown(messages)) {
        sum = sum.plus(messages, example.reference().length() / 4 + 1);
      }
    }
    return sum;
  }

  /** Whether a request needs not be sent. */
  boolean isKnown(List<Message> messages) {
    return cache.find(endpoint.settings(), messages).isPresent();
  }

  @Override
  public void answer(List<Example> examples, Consumer<Reply> replies, BooleanSupplier stop) {
    each(
        examples,
        example -> ask(prompting.messages(example)),
        (example, answer) -> replies.accept(reply(example, answer)),
        (example, why) -> replies.accept(Reply.failed(example.id(), why)),
        stop);
  }

  private static Reply reply(Example example, Cached answer) {
    Completion completion = answer.completion();
    return new Reply(
        example.id(),
        Optional.of(completion.text()),
        Optional.empty(),
        completion.inputTokens(),
        completion.outputTokens(),
        OptionalDouble.of(answer.latencyMs()),
        Optional.of(completion.model()),
        completion.cut());
  }

  /**
   * Has requests made, several at a time. After failures that all others would share, or too many
   * in a row, nothing else is requested.
   *
   * @param request makes an item's request; may throw {@link Refusal}
   * @param answers called with each result when it is there, by one thread at a time
   * @param failures called with each item of which nothing came, and why, in the same way
   * @param stop asked now and then; when it says so, no further item is begun
   */
  <T, R> void each(
      List<T> items,
      Function<T, R> request,
      BiConsumer<T, R> answers,
      BiConsumer<T, String> failures,
      BooleanSupplier stop) {
    var patience = new Patience();
    var broken = new AtomicReference<@Nullable RuntimeException>();
    Object oneAtATime = new Object();
    try (ExecutorService threads = Executors.newFixedThreadPool(concurrency)) {
      for (T item : items) {
        threads.execute(() -> {
          if (stop.getAsBoolean() || broken.get() != null) {
            return;
          }
          try {
            Runnable outcome = outcome(item, request, answers, failures, patience);
            synchronized (oneAtATime) {
              outcome.run();
            }
          } catch (RuntimeException e) {
            broken.compareAndSet(null, e);
          }
        });
      }
      threads.shutdown();
      if (!threads.awaitTermination(7, TimeUnit.DAYS)) {
        threads.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    RuntimeException failure = broken.get();
    if (failure != null) {
      throw failure;
    }
  }

  /** Makes one request; what is to be said of it is returned. */
  private static <T, R> Runnable outcome(
      T item,
      Function<T, R> request,
      BiConsumer<T, R> answers,
      BiConsumer<T, String> failures,
      Patience patience) {
    Optional<String> hopeless = patience.isAtAnEnd();
    if (hopeless.isPresent()) {
      return () -> failures.accept(item, "not asked: " + hopeless.get());
    }
    try {
      R answer = request.apply(item);
      patience.succeeded();
      return () -> answers.accept(item, answer);
    } catch (Refusal e) {
      String why = Optional.ofNullable(e.getMessage()).orElse("no answer");
      patience.failed(why, e.isForAll());
      return () -> failures.accept(item, why);
    }
  }

  /** Says when nothing else is to be tried, and why. */
  private static final class Patience {

    private int failures;
    private @Nullable String end;

    synchronized Optional<String> isAtAnEnd() {
      return Optional.ofNullable(end);
    }

    synchronized void succeeded() {
      failures = 0;
    }

    synchronized void failed(String why, boolean forAll) {
      failures++;
      if (end == null && (forAll || failures >= FAILURES_IN_A_ROW)) {
        end = why;
      }
    }
  }

  /** One answer, from the cache or from the endpoint. */
  Cached ask(List<Message> messages) {
    Optional<Cached> known = cache.find(endpoint.settings(), messages);
    if (known.isPresent()) {
      return known.get();
    }
    long start = System.nanoTime();
    Completion completion = endpoint.complete(messages);
    var answer = new Cached(completion, Math.round((System.nanoTime() - start) / 1e3) / 1e3);
    cache.keep(endpoint.settings(), messages, answer);
    return answer;
  }

  @Override
  public void close() {
    endpoint.close();
  }
}
