package dev.graft.modelio.hub;

import dev.graft.modelio.ModelIoException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Speaks HTTP with a hub: redirects, the token, and errors in words. */
final class HubClient implements AutoCloseable {
  /** Nothing is left of the file from {@code firstByte} on; the answer has no body of use. */
  static final int RANGE_NOT_SATISFIABLE = 416;

  private static final int MAX_REDIRECTS = 5;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final HubSettings settings;
  private final HttpClient http =
      HttpClient.newBuilder()
          .connectTimeout(Duration.ofSeconds(20))
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  HubClient(HubSettings settings) {
    this.settings = settings;
  }

  /**
   * An answer whose body is still to be read.
   *
   * @param etag the file's content hash, as the hub (not the store it redirects to) gives it
   */
  record Answer(int status, HttpHeaders headers, Optional<String> etag, InputStream body)
      implements AutoCloseable {
    @Override
    public void close() throws IOException {
      body.close();
    }
  }

  /**
   * Gets an address of the hub.
   *
   * @param path begins with a slash
   * @param firstByte where to begin, if part of the file is there already
   * @throws IOException if the connection fails, which may pass
   * @throws ModelIoException if the hub says no, which will not
   */
  Answer get(String path, long firstByte, HubAddress model) throws IOException {
    URI hub = URI.create(settings.endpoint() + path);
    URI uri = hub;
    Optional<String> etag = Optional.empty();
    for (int i = 0; i <= MAX_REDIRECTS; i++) {
      HttpResponse<InputStream> response = send(request(uri, hub, firstByte));
      HttpHeaders headers = response.headers();
      etag = etag.or(() -> headers.firstValue("x-linked-etag"));
      switch (response.statusCode()) {
        case 301, 302, 303, 307, 308 -> {
          response.body().close();
          uri = redirect(uri, headers);
        }
        case 200, 206, RANGE_NOT_SATISFIABLE -> {
          Optional<String> hash = etag.or(() -> headers.firstValue("etag")).map(HubClient::bare);
          return new Answer(response.statusCode(), headers, hash, response.body());
        }
        default -> {
          response.body().close();
          throw refusal(response.statusCode(), headers, uri, model);
        }
      }
    }
    throw new IOException(hub + " redirects more than " + MAX_REDIRECTS + " times");
  }

  private HttpRequest request(URI uri, URI hub, long firstByte) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).timeout(PATIENCE).header("User-Agent", "graft");
    // The token is for the hub alone, never for the store that it redirects to.
    if (settings.token() != null && uri.getAuthority().equals(hub.getAuthority())) {
      request.header("Authorization", "Bearer " + settings.token());
    }
    if (firstByte > 0) {
      request.header("Range", "bytes=" + firstByte + "-");
    }
    return request.GET().build();
  }

  private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
    try {
      return http.send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      InterruptedIOException interrupted = new InterruptedIOException("interrupted");
      interrupted.initCause(e);
      throw interrupted;
    }
  }

  private static URI redirect(URI from, HttpHeaders headers) throws IOException {
    @Nullable String location = headers.firstValue("location").orElse(null);
    if (location == null) {
      throw new IOException(from + " redirects to nowhere");
    }
    URI to;
    try {
      to = from.resolve(location);
    } catch (IllegalArgumentException e) {
      throw new IOException(from + " redirects to " + location, e);
    }
    boolean safe = "https".equals(to.getScheme()) || from.getScheme().equals(to.getScheme());
    if (!safe || to.getAuthority() == null) {
      throw new IOException(from + " redirects to " + to + ", which is not safe to follow");
    }
    return to;
  }

  private ModelIoException refusal(int status, HttpHeaders headers, URI uri, HubAddress model)
      throws IOException {
    String code = headers.firstValue("x-error-code").orElse("");
    String access = settings.token() == null ? "set HF_TOKEN to a token with access" : "ask there";
    if (code.equals("GatedRepo") || status == 403) {
      return new ModelIoException(
          "%s is gated or private: accept its terms at %s/%s and %s."
              .formatted(model, settings.endpoint(), model.id(), access));
    }
    if (code.equals("RevisionNotFound")) {
      return new ModelIoException("%s has no revision %s.".formatted(model.id(), model.revision()));
    }
    if (status == 401 || status == 404) {
      return new ModelIoException(
          "%s is not at %s, or is private; check the name, or %s."
              .formatted(model, settings.endpoint(), access));
    }
    // Everything else, 429 and 5xx above all, may pass.
    throw new IOException(uri.getAuthority() + " answers with status " + status);
  }

  private static String bare(String etag) {
    return etag.replaceFirst("^W/", "").replace("\"", "");
  }

  @Override
  public void close() {
    http.shutdownNow();
    http.close();
  }
}
