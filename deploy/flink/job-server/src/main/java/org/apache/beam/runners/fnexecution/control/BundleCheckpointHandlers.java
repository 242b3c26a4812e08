package org.apache.beam.runners.fnexecution.control;

import java.util.Collection;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.DelayedBundleApplication;
import org.apache.beam.model.fnexecution.v1.BeamFnApi.ProcessBundleResponse;
import org.apache.beam.runners.core.StateInternals;
import org.apache.beam.runners.core.StateInternalsFactory;
import org.apache.beam.runners.core.StateNamespace;
import org.apache.beam.runners.core.StateNamespaces;
import org.apache.beam.runners.core.StateTags;
import org.apache.beam.runners.core.TimerInternals;
import org.apache.beam.runners.core.TimerInternalsFactory;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.coders.CoderException;
import org.apache.beam.sdk.state.TimeDomain;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.util.WindowedValue;
import org.apache.beam.vendor.grpc.v1p60p1.com.google.protobuf.Duration;
import org.apache.beam.vendor.grpc.v1p60p1.com.google.protobuf.Timestamp;
import org.joda.time.Instant;

/**
 * wiredesk's stand-in for Beam's class of this name: it keeps what a splittable DoFn has left to do
 * (its residual) until the time that it asked for.
 *
 * <p>Beam up to at least 2.62 names the state of each residual with a counter, so a source that
 * checkpoints itself twice a second makes two new states a second for ever (apache/beam#27648; mended
 * upstream by #39191). Here a residual is named by its place in the bundle, so the next one of the
 * same element takes its place: a state's key is the element, and an element has one residual at a
 * time. That needs elements that differ from each other, as the partitions of a queue do.
 *
 * <p>Also, delays and watermarks keep their fractions of a second, which Beam cuts off: a source that
 * asks for 50 ms would be called again at once.
 */
@SuppressWarnings({"rawtypes", "unchecked"})
public class BundleCheckpointHandlers {

  /** Keeps residuals in keyed state, and a processing-time timer for each. */
  public static class StateAndTimerBundleCheckpointHandler<T> implements BundleCheckpointHandler {

    public static final String SDF_PREFIX = "sdf_checkpoint";

    private final TimerInternalsFactory<T> timers;
    private final StateInternalsFactory<T> states;
    private final Coder<WindowedValue<T>> residualCoder;
    private final Coder windowCoder;

    public StateAndTimerBundleCheckpointHandler(
        TimerInternalsFactory<T> timers,
        StateInternalsFactory<T> states,
        Coder<WindowedValue<T>> residualCoder,
        Coder windowCoder) {
      this.timers = timers;
      this.states = states;
      this.residualCoder = residualCoder;
      this.windowCoder = windowCoder;
    }

    /** Whether a timer is one of ours; then its id is the name of the state that it wakes. */
    public static boolean isSdfTimer(String timerId) {
      return timerId.startsWith(SDF_PREFIX);
    }

    @Override
    public void onCheckpoint(ProcessBundleResponse response) {
      for (int place = 0; place < response.getResidualRootsCount(); place++) {
        DelayedBundleApplication residual = response.getResidualRoots(place);
        if (residual.hasApplication()) {
          keep(SDF_PREFIX + ":" + place, residual);
        }
      }
    }

    private void keep(String name, DelayedBundleApplication residual) {
      WindowedValue<T> rest = decode(residual);
      StateInternals state = states.stateInternalsForKey(rest.getValue());
      TimerInternals timer = timers.timerInternalsForKey(rest.getValue());
      Instant due = Instant.now();
      if (residual.hasRequestedTimeDelay()) {
        due = due.plus(millis(residual.getRequestedTimeDelay()));
      }
      Instant hold = watermark(residual.getApplication().getOutputWatermarksMap().values());
      for (BoundedWindow window : rest.getWindows()) {
        StateNamespace namespace = StateNamespaces.window(windowCoder, window);
        state
            .state(namespace, StateTags.value(name, residualCoder))
            .write(WindowedValue.of(rest.getValue(), rest.getTimestamp(), window, rest.getPane()));
        timer.setTimer(namespace, name, "", due, hold, TimeDomain.PROCESSING_TIME);
      }
    }

    private WindowedValue<T> decode(DelayedBundleApplication residual) {
      byte[] bytes = residual.getApplication().getElement().toByteArray();
      try {
        return CoderUtils.decodeFromByteArray(residualCoder, bytes);
      } catch (CoderException e) {
        throw new IllegalStateException("A residual of " + bytes.length + " bytes can't be read", e);
      }
    }

    /** What the residual lets the output's watermark be; nothing said holds it at the beginning. */
    private static Instant watermark(Collection<Timestamp> outputs) {
      return outputs.stream()
          .map(at -> Instant.ofEpochMilli(at.getSeconds() * 1000 + at.getNanos() / 1_000_000))
          .min(Instant::compareTo)
          .orElse(BoundedWindow.TIMESTAMP_MIN_VALUE);
    }

    private static long millis(Duration delay) {
      return delay.getSeconds() * 1000 + delay.getNanos() / 1_000_000;
    }
  }
}
