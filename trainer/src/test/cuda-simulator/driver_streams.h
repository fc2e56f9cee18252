// Test code: the simulated driver's functions for streams, events and graphs. A part of cuda.cpp.
#pragma once

#include "driver_memory.h"

// ---- streams and events ----

API cuStreamCreate(Stream** stream, unsigned flags) {
  ENTER(CONTEXT)
  if (flags > 1) {
    return INVALID_VALUE;
  }
  *stream = new Stream;
  (*stream)->blocking = flags == 0;
  driver().streams.insert(*stream);
  return SUCCESS;
}

API cuStreamSynchronize(Stream* stream) {
  ENTER(CONTEXT)
  if (!isStream(stream)) {
    return INVALID_HANDLE;
  }
  if (stream != nullptr && stream->capture) {
    stream->capture->valid = false;
    return CAPTURE_UNSUPPORTED;
  }
  return waitFor(stream);
}

API cuStreamQuery(Stream* stream) {
  ENTER(CONTEXT)
  if (!isStream(stream)) {
    return INVALID_HANDLE;
  }
  if (stream != nullptr && stream->capture) {
    stream->capture->valid = false;
    return CAPTURE_UNSUPPORTED;
  }
  bool ready = true;
  if (stream == nullptr) {
    runBlocking();
  } else {
    runOne(stream);  // each time that one asks, it goes on by one operation
    ready = stream->queue.empty();
  }
  return driver().sticky != 0 ? driver().sticky : ready ? SUCCESS : NOT_READY;
}

API cuStreamDestroy_v2(Stream* stream) {
  ENTER(CONTEXT)
  if (stream == nullptr || !isStream(stream)) {
    return INVALID_HANDLE;
  }
  int result = runAll(stream);  // what is queued is done before the stream ends
  if (stream->capture) {
    stream->capture->valid = false;
    driver().captures.erase(stream->capture);
  }
  driver().streams.erase(stream);
  delete stream;
  return result;
}

API cuEventCreate(Event** event, unsigned flags) {
  ENTER(CONTEXT)
  if (flags > 7) {
    return INVALID_VALUE;
  }
  *event = new Event{flags, nullptr, nullptr};
  driver().events.insert(*event);
  return SUCCESS;
}

API cuEventRecord(Event* event, Stream* stream) {
  ENTER(CONTEXT)
  if (driver().events.count(event) == 0 || !isStream(stream)) {
    return INVALID_HANDLE;
  }
  if (stream != nullptr && stream->capture) {
    event->record = nullptr;
    event->capturedIn = stream;
    return stream->capture->valid ? SUCCESS : CAPTURE_INVALIDATED;
  }
  auto record = std::make_shared<Record>();
  record->stream = stream;
  event->record = record;
  event->capturedIn = nullptr;
  return enqueue(stream, [record] {
    record->done = true;
    record->when = std::chrono::steady_clock::now();
    return 0;
  });
}

namespace {

int captured(Event* event) {
  if (event->capturedIn != nullptr && driver().streams.count(event->capturedIn) != 0
      && event->capturedIn->capture) {
    event->capturedIn->capture->valid = false;
  }
  return CAPTURED_EVENT;
}

int runUntil(const Record& record) {
  while (!record.done && driver().sticky == 0 && driver().streams.count(record.stream) != 0
         && runOne(record.stream)) {
  }
  return driver().sticky;
}

}  // namespace

API cuEventSynchronize(Event* event) {
  ENTER(CONTEXT)
  if (driver().events.count(event) == 0) {
    return INVALID_HANDLE;
  }
  if (event->capturedIn != nullptr) {
    return captured(event);
  }
  return event->record == nullptr ? SUCCESS : runUntil(*event->record);
}

// Each time that one asks, the stream goes on by one operation.
API cuEventQuery(Event* event) {
  ENTER(CONTEXT)
  if (driver().events.count(event) == 0) {
    return INVALID_HANDLE;
  }
  if (event->capturedIn != nullptr) {
    return captured(event);
  }
  if (event->record == nullptr || event->record->done) {
    return SUCCESS;
  }
  if (driver().streams.count(event->record->stream) != 0) {
    runOne(event->record->stream);
  }
  return driver().sticky != 0 ? driver().sticky : NOT_READY;
}

API cuEventElapsedTime_v2(float* milliseconds, Event* start, Event* end) {
  ENTER(CONTEXT)
  if (driver().events.count(start) == 0 || driver().events.count(end) == 0 || !start->record || !end->record
      || ((start->flags | end->flags) & 2) != 0) {
    return INVALID_HANDLE;
  }
  if (!start->record->done || !end->record->done) {
    return NOT_READY;
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->record->when - start->record->when).count();
  return SUCCESS;
}

API cuEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  return cuEventElapsedTime_v2(milliseconds, start, end);
}

API cuEventDestroy_v2(Event* event) {
  ENTER(CONTEXT)
  if (driver().events.erase(event) == 0) {
    return INVALID_HANDLE;
  }
  delete event;
  return SUCCESS;
}

API cuStreamWaitEvent(Stream* stream, Event* event, unsigned flags) {
  ENTER(CONTEXT)
  if (!isStream(stream) || driver().events.count(event) == 0) {
    return INVALID_HANDLE;
  }
  if (flags > 1) {
    return INVALID_VALUE;
  }
  if (event->capturedIn != nullptr && driver().streams.count(event->capturedIn) != 0) {
    // the stream becomes part of the capture; its operations follow in the order of the calls
    if (stream == nullptr) {
      return CAPTURE_IMPLICIT;
    }
    stream->capture = event->capturedIn->capture;
    return SUCCESS;
  }
  if (event->record == nullptr) {
    return SUCCESS;
  }
  auto record = event->record;
  return enqueue(stream, [record] { return runUntil(*record); });
}

// ---- graphs ----

API cuStreamBeginCapture_v2(Stream* stream, int mode) {
  ENTER(CONTEXT)
  if (!isStream(stream)) {
    return INVALID_HANDLE;
  }
  if (stream == nullptr) {
    return CAPTURE_UNSUPPORTED;
  }
  if (mode < 0 || mode > 2 || stream->capture) {
    return stream->capture ? 401 : INVALID_VALUE;
  }
  stream->capture = std::make_shared<Capture>();
  stream->capture->mode = mode;
  stream->capture->thread = std::this_thread::get_id();
  stream->capture->origin = stream;
  driver().captures.insert(stream->capture);
  return SUCCESS;
}

API cuStreamIsCapturing(Stream* stream, int* status) {
  ENTER(CONTEXT)
  if (!isStream(stream)) {
    return INVALID_HANDLE;
  }
  *status = stream == nullptr || !stream->capture ? 0 : stream->capture->valid ? 1 : 2;
  return SUCCESS;
}

API cuStreamEndCapture(Stream* stream, std::shared_ptr<Graph>** graph) {
  ENTER(CONTEXT)
  *graph = nullptr;
  if (!isStream(stream)) {
    return INVALID_HANDLE;
  }
  if (stream == nullptr || !stream->capture) {
    return 401;  // ILLEGAL_STATE
  }
  auto capture = stream->capture;
  if (capture->origin != stream) {
    capture->valid = false;
    return CAPTURE_UNMATCHED;
  }
  for (Stream* each : driver().streams) {
    if (each->capture == capture) {
      each->capture = nullptr;
    }
  }
  driver().captures.erase(capture);
  if (!capture->valid) {
    return CAPTURE_INVALIDATED;
  }
  *graph = new std::shared_ptr<Graph>(capture->graph);
  driver().graphs.insert(*graph);
  return SUCCESS;
}

API cuGraphInstantiateWithFlags(std::shared_ptr<Graph>** executable, std::shared_ptr<Graph>* graph,
                                unsigned long long flags) {
  ENTER(CONTEXT)
  if (driver().graphs.count(graph) == 0) {
    return INVALID_VALUE;
  }
  if (flags > 15) {
    return INVALID_VALUE;
  }
  *executable = new std::shared_ptr<Graph>(*graph);
  driver().graphExecutables.insert(*executable);
  return SUCCESS;
}

API cuGraphLaunch(std::shared_ptr<Graph>* executable, Stream* stream) {
  ENTER(CONTEXT)
  if (driver().graphExecutables.count(executable) == 0) {
    return INVALID_VALUE;
  }
  std::shared_ptr<Graph> graph = *executable;
  return enqueue(stream, [graph] {
    driver().counts["graph-launches"]++;
    for (const Operation& operation : graph->operations) {
      if (int result = operation()) {
        return result;
      }
    }
    return 0;
  });
}

API cuGraphExecDestroy(std::shared_ptr<Graph>* executable) {
  ENTER(CONTEXT)
  if (driver().graphExecutables.erase(executable) == 0) {
    return INVALID_VALUE;
  }
  delete executable;
  return SUCCESS;
}

API cuGraphDestroy(std::shared_ptr<Graph>* graph) {
  ENTER(CONTEXT)
  if (driver().graphs.erase(graph) == 0) {
    return INVALID_VALUE;
  }
  delete graph;
  return SUCCESS;
}
