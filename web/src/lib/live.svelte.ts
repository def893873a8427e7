import { client } from './api/client';
import { asApiError } from './api/error';
import type { CloudEvent } from './api/types';
import { backoff } from './backoff';

export type LiveState = 'idle' | 'catching up' | 'live' | 'offline';
/** `null`: events may be missing between the last one and now; read everything again. */
type Handler = (event: CloudEvent | null) => void;

/** The server's ping is ours: no answer within this time, and the connection counts as lost. */
const HEARTBEAT_MS = 20_000;
const PATIENCE_MS = 8_000;
const UNAUTHORIZED = 4401;
const NO_MEMBER = 4403;

/** One project's stream. */
class Channel {
  readonly handlers = new Set<Handler>();
  state: LiveState = 'catching up';
  private socket: WebSocket | null = null;
  private lastEventId: string | undefined;
  private tries = 0;
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    readonly project: string,
    private readonly changed: () => void,
  ) {
    void this.open();
  }

  private async open(): Promise<void> {
    if (this.closed) return;
    try {
      const { ticket } = await client.post<{ ticket: string }>('/tickets');
      if (this.closed) return;
      const address = new URL(
        `/ws/project/${encodeURIComponent(this.project)}/updates?token=${encodeURIComponent(ticket)}`,
        location.href,
      );
      address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
      const socket = new WebSocket(address);
      this.socket = socket;
      socket.onopen = () => {
        socket.send(
          JSON.stringify({
            type: 'subscribe',
            events: ['*'],
            ...(this.lastEventId ? { last_event_id: this.lastEventId } : {}),
          }),
        );
        this.heartbeat = setInterval(() => this.ping(socket), HEARTBEAT_MS);
      };
      socket.onmessage = (message) => this.take(String(message.data));
      socket.onclose = (event) => {
        if (this.socket === socket) this.lost(event.code);
      };
    } catch (error) {
      this.lost(asApiError(error).status === 401 ? UNAUTHORIZED : 0);
    }
  }

  private ping(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send('{"type":"ping"}');
    clearTimeout(this.patience);
    this.patience = setTimeout(() => socket.close(), PATIENCE_MS);
  }

  private take(text: string): void {
    clearTimeout(this.patience);
    let frame: { type?: string; event?: CloudEvent; code?: string };
    try {
      frame = JSON.parse(text) as typeof frame;
    } catch {
      return;
    }
    if (frame.type === 'subscribed') {
      this.tries = 0;
      this.set('live');
      // Without an event to resume from, whatever happened since the page was read is not told: neither before the first
      // connection, nor while it was lost.
      if (!this.lastEventId) this.tell(null);
    } else if (frame.type === 'event' && frame.event) {
      if (frame.event.id === this.lastEventId) return;
      this.lastEventId = frame.event.id;
      this.tell(frame.event);
    } else if (frame.type === 'error' && frame.code === 'resume_gap') {
      this.lastEventId = undefined;
      this.tell(null);
      this.socket?.send(JSON.stringify({ type: 'subscribe', events: ['*'] }));
    }
  }

  private tell(event: CloudEvent | null): void {
    for (const handler of [...this.handlers]) handler(event);
  }

  private lost(code: number): void {
    clearInterval(this.heartbeat);
    clearTimeout(this.patience);
    this.socket = null;
    if (this.closed) return;
    if (code === UNAUTHORIZED || code === NO_MEMBER) {
      this.closed = true;
      this.set('offline');
      client.onUnauthorized?.();
      return;
    }
    this.tries += 1;
    this.set(this.tries > 1 ? 'offline' : 'catching up');
    this.retry = setTimeout(() => void this.open(), backoff(this.tries, Math.random()));
  }

  /** Tries now, for instance because the browser says that the network is back. */
  hurry(): void {
    if (this.socket || this.closed) return;
    clearTimeout(this.retry);
    void this.open();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    clearInterval(this.heartbeat);
    clearTimeout(this.patience);
    this.socket?.close();
  }

  private set(state: LiveState): void {
    this.state = state;
    this.changed();
  }
}

/** All streams of the page, and how they stand together. */
class Live {
  state = $state<LiveState>('idle');
  offlineSince = $state<number | null>(null);
  private readonly channels = new Map<string, Channel>();

  start(): () => void {
    const hurry = () => this.channels.forEach((c) => c.hurry());
    addEventListener('online', hurry);
    return () => removeEventListener('online', hurry);
  }

  /** Hears a project's events until the returned function is called. */
  watch(project: string, handler: Handler): () => void {
    let channel = this.channels.get(project);
    if (!channel) {
      channel = new Channel(project, () => this.judge());
      this.channels.set(project, channel);
      this.judge();
    }
    const watched = channel;
    watched.handlers.add(handler);
    return () => {
      watched.handlers.delete(handler);
      // The next page often watches the same project: its stream is not cut for that.
      setTimeout(() => {
        if (watched.handlers.size > 0 || this.channels.get(project) !== watched) return;
        watched.close();
        this.channels.delete(project);
        this.judge();
      }, 2000);
    };
  }

  /** Hears several projects. Beyond eight, the rest is asked for every 10 s. */
  watchAll(projects: string[], handler: Handler): () => void {
    const stops = projects.slice(0, MAX_CHANNELS).map((p) => this.watch(p, handler));
    if (projects.length > MAX_CHANNELS || projects.length === 0) {
      const timer = setInterval(() => {
        if (!document.hidden) handler(null);
      }, POLL_MS);
      stops.push(() => clearInterval(timer));
    }
    return () => stops.forEach((stop) => stop());
  }

  private judge(): void {
    const states = [...this.channels.values()].map((c) => c.state);
    const worst: LiveState = !states.length
      ? 'idle'
      : states.includes('offline')
        ? 'offline'
        : states.includes('catching up')
          ? 'catching up'
          : 'live';
    this.state = worst;
    if (worst === 'offline') this.offlineSince ??= Date.now();
    else this.offlineSince = null;
  }
}

const MAX_CHANNELS = 8;
const POLL_MS = 10_000;
export const live = new Live();
