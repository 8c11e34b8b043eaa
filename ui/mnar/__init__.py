"""The lab of values that go missing because of themselves: its inputs, views and figures."""
