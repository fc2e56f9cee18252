package dev.graft.modelio.hub;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;

/**
 * Downloads one model into a Hugging Face cache: {@code blobs/<hash>}, {@code
 * snapshots/<commit>/<file>} linking to them, {@code refs/<revision>} naming the commit when all of
 * it is there. What was cut off is continued where it ended, in this run or the next.
 */
final class HubDownload implements AutoCloseable {
  private static final int MAX_JSON_BYTES = 100_000_000;
  private static final int ATTEMPTS = 5;
  private static final int BUFFER_BYTES = 1 << 18;
  private static final Duration STALLED = Duration.ofSeconds(60);
  private static final long REPORT_NANOS = Duration.ofMillis(200).toNanos();

  private final HubAddress model;
  private final Path folder;
  private final DownloadProgress progress;
  private final Duration firstPause;
  private final HubClient client;
  private long done;
  private long total;
  private long lastReport;

  HubDownload(
      HubSettings settings, HubAddress model, DownloadProgress progress, Duration firstPause) {
    this.model = model;
    this.folder = settings.cache().resolve(model.cacheFolder());
    this.progress = progress;
    this.firstPause = firstPause;
    this.client = new HubClient(settings);
  }

  /** Downloads what is not there yet and returns the snapshot's folder. */
  Path run() {
    try {
      HubFiles files = list();
      Path snapshot = folder.resolve("snapshots").resolve(files.commit());
      Files.createDirectories(snapshot);
      Files.createDirectories(folder.resolve("blobs"));
      Set<String> wanted = wanted(files, snapshot);
      total = 0;
      done = 0;
      for (String name : wanted) {
        total += Math.max(0, files.size(name));
      }
      requireSpace(files, snapshot, wanted);
      for (String name : wanted) {
        fetch(files, snapshot, name);
      }
      writeRef(files.commit());
      return snapshot;
    } catch (IOException e) {
      throw new ModelIoException(
          "%s could not be downloaded: %s. Run the same again: it goes on where it stopped."
              .formatted(model, AsideFile.describe(e)),
          e);
    }
  }

  private HubFiles list() throws IOException {
    String path = "/api/models/%s/revision/%s?blobs=true".formatted(model.id(), encoded());
    return retrying(() -> {
      try (HubClient.Answer answer = client.get(path, 0, model)) {
        byte[] json = answer.body().readNBytes(MAX_JSON_BYTES);
        return HubFiles.parse(StrictJson.parseObject(json, "The hub's answer"), model);
      }
    });
  }

  /** A revision may hold slashes ({@code refs/pr/1}), which the hub wants escaped. */
  private String encoded() {
    return model.revision().replace("/", "%2F");
  }

  private Set<String> wanted(HubFiles files, Path snapshot) throws IOException {
    if (!files.has("config.json")) {
      throw new ModelIoException(model + " is not a model: it has no config.json.");
    }
    TreeSet<String> wanted = files.smallFiles();
    if (files.has(HubFiles.SINGLE)) {
      wanted.add(HubFiles.SINGLE);
    } else if (files.has(HubFiles.INDEX)) {
      fetch(files, snapshot, HubFiles.INDEX);
      Path index = snapshot.resolve(HubFiles.INDEX);
      wanted.add(HubFiles.INDEX);
      wanted.addAll(HubFiles.shards(StrictJson.readObject(index, MAX_JSON_BYTES), model));
    } else {
      throw new ModelIoException(
          model + " has no safetensors weights; look for a conversion of it on the hub.");
    }
    return wanted;
  }

  private void requireSpace(HubFiles files, Path snapshot, Set<String> wanted) throws IOException {
    long missing = 0;
    for (String name : wanted) {
      if (!Files.exists(snapshot.resolve(name))) {
        long there = Files.exists(partial(files, name)) ? Files.size(partial(files, name)) : 0;
        missing += Math.max(0, files.size(name) - there);
      }
    }
    long free = Files.getFileStore(folder).getUsableSpace();
    if (missing > free) {
      throw new ModelIoException(
          "%s needs %d MB, %s has %d MB left. Make room, or set HF_HUB_CACHE to a larger disk."
              .formatted(model, missing >> 20, folder, free >> 20));
    }
  }

  private Path partial(HubFiles files, String name) {
    return folder.resolve("blobs").resolve(files.commit() + "." + name + ".incomplete");
  }

  private void fetch(HubFiles files, Path snapshot, String name) throws IOException {
    Path target = snapshot.resolve(name);
    long before = done;
    if (!Files.exists(target)) {
      retrying(() -> {
        done = before;
        fetchOnce(files, target, name);
        return name;
      });
    }
    done = before + Math.max(0, files.size(name));
    progress.update(name, done, total);
  }

  private void fetchOnce(HubFiles files, Path target, String name) throws IOException {
    Path partial = partial(files, name);
    try (FileChannel channel =
        FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      // Waits for another process that downloads the same file; it may be complete afterwards.
      var lock = channel.lock();
      if (Files.exists(target)) {
        return;
      }
      String path = "/%s/resolve/%s/%s".formatted(model.id(), files.commit(), name);
      String blob;
      try (HubClient.Answer answer = client.get(path, channel.size(), model)) {
        long size = copy(answer, channel, name, files.size(name));
        channel.force(true);
        blob = ContentHash.verify(partial, size, answer.etag(), files.commit() + "." + name);
      } finally {
        lock.release();
      }
      Path place = partial.resolveSibling(blob);
      Files.move(partial, place, StandardCopyOption.ATOMIC_MOVE);
      link(target, place);
    }
  }

  /** Appends the answer's body to what is there. Returns the size of the whole file. */
  private long copy(HubClient.Answer answer, FileChannel channel, String name, long listed)
      throws IOException {
    if (answer.status() == HubClient.RANGE_NOT_SATISFIABLE) {
      channel.truncate(0);
      throw new IOException("what is there of " + name + " does not fit; starting it anew");
    }
    // A server that knows no ranges sends everything again.
    long at = answer.status() == 206 ? channel.size() : 0;
    channel.truncate(at).position(at);
    long length = answer.headers().firstValueAsLong("content-length").orElse(-1);
    long size = length < 0 ? listed : at + length;
    if (listed >= 0 && size != listed) {
      channel.truncate(0);
      throw new IOException(
          "%s has %d bytes, the hub's list says %d".formatted(name, size, listed));
    }
    done += at;
    try (StallGuard guard = new StallGuard(answer.body(), STALLED)) {
      copyBody(answer.body(), channel, name, size < 0 ? Long.MAX_VALUE : size - at, guard);
    }
    if (size >= 0 && channel.size() < size) {
      throw new IOException(
          "the connection ended after %d of %d bytes of %s".formatted(channel.size(), size, name));
    }
    return channel.size();
  }

  private void copyBody(
      InputStream body, FileChannel channel, String name, long most, StallGuard guard)
      throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    long come = 0;
    try {
      for (int n = body.read(buffer); n >= 0; n = body.read(buffer)) {
        come += n;
        if (come > most) {
          channel.truncate(0);
          throw new IOException(name + " is longer than the server said");
        }
        ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, n);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        done += n;
        guard.signOfLife();
        report(name);
      }
    } catch (IOException e) {
      throw guard.stalled() ? new IOException("nothing more came of " + name, e) : e;
    }
  }

  private void report(String name) {
    long now = System.nanoTime();
    if (now - lastReport > REPORT_NANOS) {
      lastReport = now;
      progress.update(name, done, total);
    }
  }

  /** As Hugging Face does it: a relative link, so that the cache can be moved. */
  private void link(Path target, Path blob) throws IOException {
    Path aside = AsideFile.nameBeside(target);
    try {
      Path name = blob.getFileName();
      Files.createSymbolicLink(aside, Path.of("..", "..", "blobs", String.valueOf(name)));
    } catch (UnsupportedOperationException | IOException _) {
      // File systems without links get the file itself.
      Files.move(blob, target, StandardCopyOption.ATOMIC_MOVE);
      return;
    }
    Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
  }

  private void writeRef(String commit) throws IOException {
    if (model.isCommit()) {
      return;
    }
    Path ref = folder.resolve("refs").resolve(model.revision());
    Files.createDirectories(ref.getParent());
    byte[] text = commit.getBytes(StandardCharsets.UTF_8);
    AsideFile.write(ref, channel -> channel.write(ByteBuffer.wrap(text)));
  }

  private interface Attempt<T> {
    T run() throws IOException;
  }

  /** Tries what can fail for a moment several times, with growing pauses. */
  private <T> T retrying(Attempt<T> attempt) throws IOException {
    Duration pause = firstPause;
    for (int i = 1; ; i++) {
      try {
        return attempt.run();
      } catch (IOException e) {
        if (i == ATTEMPTS || Thread.currentThread().isInterrupted()) {
          throw e;
        }
        try {
          Thread.sleep(pause);
        } catch (InterruptedException _) {
          Thread.currentThread().interrupt();
          throw e;
        }
        pause = pause.multipliedBy(2);
      }
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
