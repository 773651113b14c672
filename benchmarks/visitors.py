"""A visitor without a browser: speaks to a Streamlit server as its page does, and so costs next to nothing itself.

What a browser does with what it gets is left out; what the server does for it is not: the page's script runs as often,
with the same widgets, and everything that would be drawn is sent.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

__all__ = ["Visitor"]

_LONGEST_MESSAGE: Final = 200_000_000
_PATIENCE: Final = 300.0


class Visitor:
    """One tab of a browser; to be used with ``async with``.

    Args:
        port: Where the server listens, on this machine.
        query: What stands behind the ``?`` of the address.

    Attributes:
        received: How many bytes were sent to the page.
    """

    def __init__(self, port: int, query: str = "") -> None:
        self._port, self._query = port, query
        self._widgets: dict[str, WidgetState] = {}
        self._elements: dict[tuple[int, ...], Any] = {}
        self._seen: set[tuple[int, ...]] = set()
        self._known: dict[str, ForwardMsg] = {}
        self._session = self._cookie = ""
        self._clicks = 0
        self.received = 0

    async def __aenter__(self) -> Self:
        self._cookie = await asyncio.to_thread(self._fetch_cookie)
        self._stream: ClientConnection = await connect(
            f"ws://127.0.0.1:{self._port}/_stcore/stream",
            subprotocols=["streamlit", self._cookie],  # type: ignore[list-item]
            additional_headers={"Cookie": f"_streamlit_xsrf={self._cookie}", "Origin": self._origin},
            max_size=_LONGEST_MESSAGE,
            ping_interval=None,
        )
        await self._run()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stream.close()

    @property
    def _origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _fetch_cookie(self) -> str:
        with urllib.request.urlopen(f"{self._origin}/_stcore/health", timeout=_PATIENCE) as response:
            cookie = response.headers["Set-Cookie"] or ""
        return str(cookie.partition("=")[2].partition(";")[0])

    async def open_file(self, path: Path) -> None:
        """Choose *Your file* under *Model*, and drop one there."""
        popover = next(block.popover for block in self._blocks() if "model_popover" in block.popover.id)
        self._set(popover.id, bool_value=True)
        await self._run()
        kind = next(self._all("button_group", "model_kind"))
        self._set(
            kind.id, string_array_value=[next(option.content for option in kind.options if "file" in option.content)]
        )
        await self._run()
        uploader = next(self._all("file_uploader", "model_file"))
        await self._upload(uploader.id, path)
        await self._run()

    async def choose_layer(self, key: str) -> None:
        """Click on a layer in the list."""
        rows = next(self._all("bidi_component", "layer_rows"))
        self._clicks += 1
        self._set(rows.id, json_value="{}")
        event = [{"event": "chosen", "value": {"key": key, "number": self._clicks}}]
        trigger = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{rows.id}__events", json_trigger_value=json.dumps(event))
        await self._run([trigger])

    @property
    def layers(self) -> list[str]:
        """The keys of the layers in the list."""
        rows = next(self._all("bidi_component", "layer_rows"), None)
        return [] if rows is None else [entry["key"] for entry in json.loads(rows.json)["entries"] if entry["selects"]]

    @property
    def charts(self) -> list[dict[str, Any]]:
        """The specifications of the charts on the page."""
        return [json.loads(chart.spec) for chart in self._all("vega_lite_chart")]

    @property
    def errors(self) -> list[str]:
        """What the page says went wrong."""
        alerts = [alert.body for alert in self._all("alert") if alert.format == alert.ERROR]
        return alerts + [error.message for error in self._all("exception")]

    @property
    def texts(self) -> list[str]:
        """The texts on the page."""
        return [text.body for text in self._all("markdown")] + [text.body for text in self._all("heading")]

    def _all(self, kind: str, key: str = "") -> Iterator[Any]:
        for element in self._elements.values():
            if element.WhichOneof("type") == kind:
                found = getattr(element, kind)
                if not key or key in found.id:
                    yield found

    def _blocks(self) -> Iterator[Any]:
        return (element for element in self._elements.values() if element.DESCRIPTOR.name == "Block")

    def _set(self, widget: str, **value: Any) -> None:
        state = WidgetState(id=widget)
        for name, content in value.items():
            if isinstance(content, list):
                getattr(state, name).data.extend(content)
            else:
                setattr(state, name, content)
        self._widgets[widget] = state

    async def _upload(self, widget: str, path: Path) -> None:
        message = BackMsg()
        message.file_urls_request.request_id = path.name
        message.file_urls_request.file_names.append(path.name)
        message.file_urls_request.session_id = self._session
        await self._stream.send(message.SerializeToString())
        answer = await self._receive_until(lambda message: message.WhichOneof("type") == "file_urls_response")
        urls = answer.file_urls_response.file_urls[0]
        content = path.read_bytes()
        await asyncio.to_thread(self._put, urls.upload_url, path.name, content)
        state = WidgetState(id=widget)
        file = state.file_uploader_state_value.uploaded_file_info.add()
        file.name, file.size, file.file_id = path.name, len(content), urls.file_id
        file.file_urls.CopyFrom(urls)
        self._widgets[widget] = state

    def _put(self, address: str, name: str, content: bytes) -> None:
        head = f'--part\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        request = urllib.request.Request(
            self._origin + address,
            data=head.encode() + content + b"\r\n--part--\r\n",
            method="PUT",
            headers={
                "Content-Type": "multipart/form-data; boundary=part",
                "X-Xsrftoken": self._cookie,
                "Cookie": f"_streamlit_xsrf={self._cookie}",
            },
        )
        urllib.request.urlopen(request, timeout=_PATIENCE).close()

    async def _run(self, triggers: Sequence[WidgetState] = ()) -> None:
        """Have the page's script run, and wait until it has."""
        message = BackMsg()
        run = message.rerun_script
        run.query_string = self._query
        run.widget_states.widgets.extend([*self._widgets.values(), *triggers])
        run.cached_message_hashes.extend(self._known)
        run.context_info.url = f"{self._origin}/"
        run.context_info.timezone = "UTC"
        run.context_info.locale = "en-US"
        self._seen.clear()
        await self._stream.send(message.SerializeToString())
        # A run that the script itself begins anew finishes early, and the one after it is waited for.
        await self._receive_until(
            lambda message: (
                message.WhichOneof("type") == "script_finished"
                and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            )
        )
        self._elements = {path: element for path, element in self._elements.items() if path in self._seen}

    async def _receive_until(self, is_last: Callable[[ForwardMsg], bool]) -> ForwardMsg:
        end = time.monotonic() + _PATIENCE
        while True:
            content = await asyncio.wait_for(self._stream.recv(decode=False), end - time.monotonic())
            self.received += len(content)
            message = ForwardMsg()
            message.ParseFromString(content)
            self._take(message)
            if is_last(message):
                return message

    def _take(self, message: ForwardMsg) -> None:
        path = tuple(message.metadata.delta_path)
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            message = self._known[message.ref_hash]
            kind = message.WhichOneof("type")
        elif message.hash:
            self._known[message.hash] = message
        if kind == "new_session":
            self._session = message.new_session.initialize.session_id or self._session
            self._seen.clear()
        elif kind == "delta":
            self._seen.add(path)
            delta = message.delta
            self._elements[path] = delta.add_block if delta.HasField("add_block") else delta.new_element
