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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
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
  public record Estimate(int requests, long inputTokens, long outputTokens) {}

  /** Estimates what asking these examples would take. */
  public Estimate estimate(List<Example> examples) {
    int requests = 0;
    long input = 0;
    long output = 0;
    for (Example example : examples) {
      List<Message> messages = prompting.messages(example);
      if (cache.find(endpoint.settings(), messages).isEmpty()) {
        requests++;
        input += messages.stream().mapToLong(it -> it.content().length() / 4 + 4).sum();
        output += example.reference().length() / 4 + 1;
      }
    }
    return new Estimate(requests, input, output);
  }

  @Override
  public void answer(List<Example> examples, Consumer<Reply> replies, BooleanSupplier stop) {
    var failures = new AtomicInteger();
    var hopeless = new AtomicReference<@Nullable String>();
    var broken = new AtomicReference<@Nullable RuntimeException>();
    Object oneAtATime = new Object();
    try (ExecutorService threads = Executors.newFixedThreadPool(concurrency)) {
      for (Example example : examples) {
        threads.execute(() -> {
          if (stop.getAsBoolean() || broken.get() != null) {
            return;
          }
          String why = hopeless.get();
          try {
            Reply reply =
                why != null
                    ? Reply.failed(example.id(), "not asked: " + why)
                    : ask(example, failures, hopeless);
            synchronized (oneAtATime) {
              replies.accept(reply);
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

  private Reply ask(
      Example example, AtomicInteger failures, AtomicReference<@Nullable String> hopeless) {
    try {
      Cached answer = ask(prompting.messages(example));
      failures.set(0);
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
    } catch (Refusal e) {
      String why = Optional.ofNullable(e.getMessage()).orElse("no answer");
      if (failures.incrementAndGet() >= FAILURES_IN_A_ROW || e.isForAll()) {
        hopeless.compareAndSet(null, why);
      }
      return Reply.failed(example.id(), why);
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
